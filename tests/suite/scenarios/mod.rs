//! Scenarios in which other systems failed, by letter and name.
//!
//! Each test takes a store, and runs over every kind of store.

mod desk;
mod stores;
mod unreliable;

mod answers;
mod asking;
mod b_binding;
mod c_completed;
mod d_data;
mod d_secrets;
mod e_edits;
mod f_failures;
mod i_identity;
mod k_again;
mod k_faults;
mod k_notify;
mod k_recovery;
mod l_fixture;
mod l_trail;
mod n_nested;
mod o_origins;
mod p_policies;
mod r_rejection;
mod r_remote;
mod s_standing;
mod t_batches;
mod u_resume;
mod v_duties;
mod v_people;
mod v_signed;
mod w_recorded;
mod z_peers;
