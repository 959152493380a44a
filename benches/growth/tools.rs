//! A hundred and twenty-eight tools, and registries of some of them.

use std::sync::Arc;
use std::time::Duration;

use gate_runtime::prelude::*;

use super::{Shared, time};

macro_rules! tools {
    ($($tool:ident $Tool:ident)*) => {
        $(
            /// Do something.
            #[gated_tool(policy = "never_ask")]
            async fn $tool(what: String) -> String {
                what
            }
        )*

        registry! { pub(super) All for () { $($Tool),* } }
    };
}

tools! {
    tool_0 Tool0 tool_1 Tool1 tool_2 Tool2 tool_3 Tool3
    tool_4 Tool4 tool_5 Tool5 tool_6 Tool6 tool_7 Tool7
    tool_8 Tool8 tool_9 Tool9 tool_10 Tool10 tool_11 Tool11
    tool_12 Tool12 tool_13 Tool13 tool_14 Tool14 tool_15 Tool15
    tool_16 Tool16 tool_17 Tool17 tool_18 Tool18 tool_19 Tool19
    tool_20 Tool20 tool_21 Tool21 tool_22 Tool22 tool_23 Tool23
    tool_24 Tool24 tool_25 Tool25 tool_26 Tool26 tool_27 Tool27
    tool_28 Tool28 tool_29 Tool29 tool_30 Tool30 tool_31 Tool31
    tool_32 Tool32 tool_33 Tool33 tool_34 Tool34 tool_35 Tool35
    tool_36 Tool36 tool_37 Tool37 tool_38 Tool38 tool_39 Tool39
    tool_40 Tool40 tool_41 Tool41 tool_42 Tool42 tool_43 Tool43
    tool_44 Tool44 tool_45 Tool45 tool_46 Tool46 tool_47 Tool47
    tool_48 Tool48 tool_49 Tool49 tool_50 Tool50 tool_51 Tool51
    tool_52 Tool52 tool_53 Tool53 tool_54 Tool54 tool_55 Tool55
    tool_56 Tool56 tool_57 Tool57 tool_58 Tool58 tool_59 Tool59
    tool_60 Tool60 tool_61 Tool61 tool_62 Tool62 tool_63 Tool63
    tool_64 Tool64 tool_65 Tool65 tool_66 Tool66 tool_67 Tool67
    tool_68 Tool68 tool_69 Tool69 tool_70 Tool70 tool_71 Tool71
    tool_72 Tool72 tool_73 Tool73 tool_74 Tool74 tool_75 Tool75
    tool_76 Tool76 tool_77 Tool77 tool_78 Tool78 tool_79 Tool79
    tool_80 Tool80 tool_81 Tool81 tool_82 Tool82 tool_83 Tool83
    tool_84 Tool84 tool_85 Tool85 tool_86 Tool86 tool_87 Tool87
    tool_88 Tool88 tool_89 Tool89 tool_90 Tool90 tool_91 Tool91
    tool_92 Tool92 tool_93 Tool93 tool_94 Tool94 tool_95 Tool95
    tool_96 Tool96 tool_97 Tool97 tool_98 Tool98 tool_99 Tool99
    tool_100 Tool100 tool_101 Tool101 tool_102 Tool102 tool_103 Tool103
    tool_104 Tool104 tool_105 Tool105 tool_106 Tool106 tool_107 Tool107
    tool_108 Tool108 tool_109 Tool109 tool_110 Tool110 tool_111 Tool111
    tool_112 Tool112 tool_113 Tool113 tool_114 Tool114 tool_115 Tool115
    tool_116 Tool116 tool_117 Tool117 tool_118 Tool118 tool_119 Tool119
    tool_120 Tool120 tool_121 Tool121 tool_122 Tool122 tool_123 Tool123
    tool_124 Tool124 tool_125 Tool125 tool_126 Tool126 tool_127 Tool127
}

registry! { pub(super) One for () { Tool0 } }

registry! {
    pub(super) Sixteen for () {
        Tool0, Tool1, Tool2, Tool3, Tool4, Tool5, Tool6, Tool7,
        Tool8, Tool9, Tool10, Tool11, Tool12, Tool13, Tool14, Tool15
    }
}

/// Returns the time that a call of one tool takes.
pub(super) async fn last<R: Registry<State = ()>>(store: Shared, tool: &str) -> Duration {
    let gate: Gate<R> = Gate::builder(()).store(Arc::clone(&store)).build().await.unwrap();
    let run = gate.run("run");
    time(async |number| {
        let turn = run
            .submit([ToolCall::new(number.to_string(), tool, r#"{"what":"it"}"#)])
            .await
            .unwrap();
        assert_eq!(turn.answers()[0].kind(), "succeeded");
    })
    .await
}
