// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

macro_rules! tools {
    ($($name:ident $Name:ident),*) => {
        $(
            #[doc = "A tool."]
            #[gated_tool(policy = "never_ask")]
            pub fn $name() {}
        )*
        registry! { pub Tools for () { $($Name),* } }
    };
}

tools! {
    t0 T0, t1 T1, t2 T2, t3 T3, t4 T4, t5 T5, t6 T6, t7 T7, t8 T8, t9 T9, t10 T10, t11 T11,
    t12 T12, t13 T13, t14 T14, t15 T15, t16 T16, t17 T17, t18 T18, t19 T19, t20 T20, t21 T21, t22 T22, t23 T23,
    t24 T24, t25 T25, t26 T26, t27 T27, t28 T28, t29 T29, t30 T30, t31 T31, t32 T32, t33 T33, t34 T34, t35 T35,
    t36 T36, t37 T37, t38 T38, t39 T39, t40 T40, t41 T41, t42 T42, t43 T43, t44 T44, t45 T45, t46 T46, t47 T47,
    t48 T48, t49 T49, t50 T50, t51 T51, t52 T52, t53 T53, t54 T54, t55 T55, t56 T56, t57 T57, t58 T58, t59 T59,
    t60 T60, t61 T61, t62 T62, t63 T63, t64 T64, t65 T65, t66 T66, t67 T67, t68 T68, t69 T69, t70 T70, t71 T71,
    t72 T72, t73 T73, t74 T74, t75 T75, t76 T76, t77 T77, t78 T78, t79 T79, t80 T80, t81 T81, t82 T82, t83 T83,
    t84 T84, t85 T85, t86 T86, t87 T87, t88 T88, t89 T89, t90 T90, t91 T91, t92 T92, t93 T93, t94 T94, t95 T95,
    t96 T96, t97 T97, t98 T98, t99 T99, t100 T100, t101 T101, t102 T102, t103 T103, t104 T104, t105 T105, t106 T106, t107 T107,
    t108 T108, t109 T109, t110 T110, t111 T111, t112 T112, t113 T113, t114 T114, t115 T115, t116 T116, t117 T117, t118 T118, t119 T119,
    t120 T120, t121 T121, t122 T122, t123 T123, t124 T124, t125 T125, t126 T126, t127 T127, t128 T128
}

fn main() {}
