//! The airline's written rules, and what its system needs, as policies.
//!
//! What they forbid is denied. The rest is asked: the written rules want every change confirmed by
//! the customer, and gestures are for a supervisor. Rules that several tools share stand in each
//! policy: a policy is read, and digested, by itself.

use gate_runtime::prelude::*;

use crate::airline::AirlineError;
use crate::data::{Cabin, Insurance, User};
use crate::facts::{
    Cause, asked_by, bags_due, bags_to_pay, causes_of, fare_of_change, fare_of_trip,
    has_changed_something, has_flights, hours_since_booking, is_cancelled_by_airline,
    is_partly_flown, leads, payment_of_change, payment_of_trip, pays_with_too_many, theirs,
    was_read,
};
use crate::tools::{
    BookReservation, CancelReservation, SendCertificate, UpdateReservationBaggages,
    UpdateReservationFlights, UpdateReservationPassengers,
};

/// Bookings: what the system can book, paid for as the rules allow.
#[policy]
pub fn bookings(rules: Rules<BookReservation>) -> Rules<BookReservation> {
    rules
        .deny("for another customer than the one who asks")
        .when(|call| asked_by(call, &call.user_id).is_none())
        .deny("nobody flies, or more than five")
        .when(|call| call.passengers.is_empty() || call.passengers.len() > 5)
        .deny("flights that do not lead there (and back)")
        .when(|call| {
            !leads(call.state(), &call.flights, &call.origin, &call.destination, call.flight_type)
        })
        .deny("a flight that cannot be booked")
        .when(|call| fare_of_trip(call).is_err_and(|error| error.is_no_such_flight()))
        .deny("not enough seats")
        .when(|call| matches!(fare_of_trip(call), Err(AirlineError::NoSeats(_))))
        .deny("bags that are not paid for as the membership says")
        .when(|call| {
            let due = |user: &User| {
                bags_to_pay(user, call.cabin, call.passengers.len(), call.total_baggages)
            };
            asked_by(call, &call.user_id).is_some_and(|user| call.nonfree_baggages != due(&user))
        })
        .deny("a payment method that is not in the profile")
        .when(|call| matches!(payment_of_trip(call), Err(AirlineError::NoSuchPayment(_))))
        .deny("more than one certificate, one credit card or three gift cards")
        .when(|call| {
            asked_by(call, &call.user_id)
                .is_some_and(|user| pays_with_too_many(&user, &call.payment_methods))
        })
        .deny("more than is left on a gift card or certificate")
        .when(|call| matches!(payment_of_trip(call), Err(AirlineError::LittleBalance(_))))
        .deny("payments that do not add up to the price")
        .when(|call| matches!(payment_of_trip(call), Err(AirlineError::DoesNotAddUp { .. })))
        .otherwise(ask(principal()))
}

/// Flights and cabin: the same route, in flights that can be booked, the difference paid.
#[policy]
pub fn flight_changes(rules: Rules<UpdateReservationFlights>) -> Rules<UpdateReservationFlights> {
    rules
        .deny("not a reservation of the customer who asks")
        .when(|call| theirs(call).is_none())
        .deny("a reservation that was not looked at")
        .when(|call| !was_read(call))
        .deny("already cancelled")
        .when(|call| theirs(call).is_some_and(|booked| booked.is_cancelled()))
        .deny("basic economy flights cannot be changed")
        .when(|call| {
            theirs(call).is_some_and(|booked| {
                booked.flies_in() == Cabin::BasicEconomy && !has_flights(&booked, &call.flights)
            })
        })
        .deny("another route or trip type")
        .when(|call| {
            theirs(call).is_some_and(|booked| {
                !leads(
                    call.state(),
                    &call.flights,
                    &booked.origin,
                    &booked.destination,
                    booked.flight_type,
                )
            })
        })
        .deny("nothing would change")
        .when(|call| {
            theirs(call).is_some_and(|booked| {
                booked.flies_in() == call.cabin && has_flights(&booked, &call.flights)
            })
        })
        .deny("a flight that cannot be booked")
        .when(|call| fare_of_change(call).is_err_and(|error| error.is_no_such_flight()))
        .deny("not enough seats")
        .when(|call| matches!(fare_of_change(call), Err(AirlineError::NoSeats(_))))
        .deny("a payment method that is not in the profile")
        .when(|call| payment_of_change(call) == Err(AirlineError::NoPaymentMethod))
        .deny("a certificate cannot pay for a change")
        .when(|call| payment_of_change(call) == Err(AirlineError::PaidByCertificate))
        .deny("more than is left on the gift card")
        .when(|call| payment_of_change(call) == Err(AirlineError::GiftCardTooSmall))
        .otherwise(ask(principal()))
}

/// Bags: more of them, paid for as the membership says.
#[policy]
pub fn bag_changes(rules: Rules<UpdateReservationBaggages>) -> Rules<UpdateReservationBaggages> {
    rules
        .deny("not a reservation of the customer who asks")
        .when(|call| theirs(call).is_none())
        .deny("a reservation that was not looked at")
        .when(|call| !was_read(call))
        .deny("already cancelled")
        .when(|call| theirs(call).is_some_and(|booked| booked.is_cancelled()))
        .deny("bags can be added, not removed")
        .when(|call| theirs(call).is_some_and(|booked| call.total_baggages < booked.total_baggages))
        .deny("nothing would change")
        .when(|call| {
            theirs(call).is_some_and(|booked| call.total_baggages == booked.total_baggages)
        })
        .deny("bags that are not paid for as the membership says, in any cabin")
        .when(|call| {
            !Cabin::ALL.iter().any(|cabin| bags_due(call, *cabin) == Some(call.nonfree_baggages))
        })
        // Whoever also changes the cabin may ask for the bags first.
        .ask("bags that are paid for as in another cabin", ask(principal()))
        .when(|call| {
            theirs(call).is_some_and(|booked| {
                bags_due(call, booked.flies_in()) != Some(call.nonfree_baggages)
            })
        })
        .deny("a payment method that is not in the profile")
        .when(|call| payment_of_change(call) == Err(AirlineError::NoPaymentMethod))
        .deny("a certificate cannot pay for a change")
        .when(|call| payment_of_change(call) == Err(AirlineError::PaidByCertificate))
        .deny("more than is left on the gift card")
        .when(|call| payment_of_change(call) == Err(AirlineError::GiftCardTooSmall))
        .otherwise(ask(principal()))
}

/// Passengers: others may fly, not more or fewer.
#[policy]
pub fn passenger_changes(
    rules: Rules<UpdateReservationPassengers>,
) -> Rules<UpdateReservationPassengers> {
    rules
        .deny("not a reservation of the customer who asks")
        .when(|call| theirs(call).is_none())
        .deny("a reservation that was not looked at")
        .when(|call| !was_read(call))
        .deny("already cancelled")
        .when(|call| theirs(call).is_some_and(|booked| booked.is_cancelled()))
        .deny("another number of passengers")
        .when(|call| {
            theirs(call).is_some_and(|booked| call.passengers.len() != booked.passengers.len())
        })
        .deny("nothing would change")
        .when(|call| theirs(call).is_some_and(|booked| call.passengers == booked.passengers))
        .otherwise(ask(principal()))
}

/// Cancellations: whole trips that nobody has begun, within a day of booking or for a reason that
/// the rules know.
///
/// Whether the reason is one that the insurance covers is the customer's word: a person weighs it.
#[policy]
pub fn cancellations(rules: Rules<CancelReservation>) -> Rules<CancelReservation> {
    rules
        .deny("not a reservation of the customer who asks")
        .when(|call| theirs(call).is_none())
        .deny("a reservation that was not looked at")
        .when(|call| !was_read(call))
        .deny("already cancelled")
        .when(|call| theirs(call).is_some_and(|booked| booked.is_cancelled()))
        .deny("a trip that has begun")
        .when(|call| theirs(call).is_some_and(|booked| is_partly_flown(call.state(), &booked)))
        .deny("older than a day, not business, not insured, not cancelled by the airline")
        .when(|call| {
            theirs(call).is_some_and(|booked| {
                hours_since_booking(&booked, call.context().now()) > 24
                    && booked.flies_in() != Cabin::Business
                    && booked.insurance == Insurance::No
                    && !is_cancelled_by_airline(call.state(), &booked)
            })
        })
        .otherwise(ask(principal()))
}

/// Gestures: certificates for a customer's cancelled or delayed flights. A supervisor decides.
#[policy]
pub fn gestures(rules: Rules<SendCertificate>) -> Rules<SendCertificate> {
    rules
        .deny("for another customer than the one who asks")
        .when(|call| asked_by(call, &call.user_id).is_none())
        .deny("no cancelled or late flight for which the rules give just this sum")
        .when(|call| causes_of(call).is_empty())
        .ask(
            "for a late flight, and no reservation was changed or cancelled",
            ask(role("supervisor")),
        )
        .when(|call| {
            !causes_of(call).contains(&Cause::Cancelled) && !has_changed_something(call.context())
        })
        .otherwise(ask(role("supervisor")))
}
