// mistakes: 1
#![allow(unused, private_interfaces)]
use gate_runtime::prelude::*;

use gate_runtime::Approval;
use gate_runtime::review::Status;

pub fn approve(mut approval: Approval) -> Approval {
    approval.status = Status::Approved;
    approval
}

fn main() {}
