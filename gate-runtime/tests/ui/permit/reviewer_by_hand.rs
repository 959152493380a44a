// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

use gate_runtime::Reviewer;

pub fn anyone() -> Reviewer {
    Reviewer::from_directory("dana".into())
}

fn main() {}
