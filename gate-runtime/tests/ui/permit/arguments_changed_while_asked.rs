// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

use gate_runtime::Interruption;

pub fn change(asked: &mut Interruption) {
    asked.approval().arguments().set("amount", 5_000_000);
}

fn main() {}
