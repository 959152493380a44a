//! The facts that the policies ask about a call: of the bookings, of the timetable, of the
//! conversation.

use std::sync::Arc;

use gate_runtime::Timestamp;
use gate_runtime::prelude::*;
use gate_runtime::run::Speaker;
use jiff::tz::{Offset, TimeZone};

use crate::airline::{Airline, AirlineError, Trip};
use crate::data::{
    Cabin, Day, Dollars, FlightOn, FlightStatus, Insurance, Membership, Payment, PaymentMethod,
    Reservation, TripType, User,
};
use crate::tools::{
    BookReservation, CHANGES, CancelReservation, SendCertificate, UpdateReservationBaggages,
    UpdateReservationFlights, UpdateReservationPassengers,
};

/// A call about one reservation.
pub trait OfReservation: Tool<State = Airline> {
    fn reservation_id(&self) -> &str;
}

macro_rules! of_reservation {
    ($($Tool:ident),*) => {$(
        impl OfReservation for $Tool {
            fn reservation_id(&self) -> &str {
                &self.reservation_id
            }
        }
    )*};
}

of_reservation!(
    CancelReservation,
    UpdateReservationBaggages,
    UpdateReservationFlights,
    UpdateReservationPassengers
);

/// A call that pays for a change of a reservation.
pub trait PaidChange: OfReservation {
    fn payment_id(&self) -> &str;
    fn price(&self, airline: &Airline, booked: &Reservation) -> Result<Dollars, AirlineError>;
}

impl PaidChange for UpdateReservationFlights {
    fn payment_id(&self) -> &str {
        &self.payment_id
    }

    fn price(&self, airline: &Airline, booked: &Reservation) -> Result<Dollars, AirlineError> {
        airline.price_of_change(booked, &self.flights, self.cabin).map(|(price, _)| price)
    }
}

impl PaidChange for UpdateReservationBaggages {
    fn payment_id(&self) -> &str {
        &self.payment_id
    }

    fn price(&self, _: &Airline, booked: &Reservation) -> Result<Dollars, AirlineError> {
        Ok(Airline::price_of_bags(booked, self.nonfree_baggages))
    }
}

/// The customer of that id, if it is the one for whom the agent acts.
pub fn asked_by<T: Tool<State = Airline>>(call: &Call<T>, user_id: &str) -> Option<Arc<User>> {
    let principal = call.context().on_behalf_of()?;
    if principal.as_str() == user_id { call.state().user(user_id) } else { None }
}

/// The reservation that a call is about, if it belongs to the customer for whom the agent acts.
pub fn theirs<T: OfReservation>(call: &Call<T>) -> Option<Arc<Reservation>> {
    let booked = call.state().reservation(call.reservation_id())?;
    asked_by(call, &booked.user_id).map(|_| booked)
}

/// Returns whether the agent looked at the reservation in this conversation.
pub fn was_read<T: OfReservation>(call: &Call<T>) -> bool {
    let reads = |speaker: &Speaker| {
        matches!(
            speaker,
            Speaker::Tool { tool } if *tool == "get_reservation_details"
        )
    };
    let names =
        |text: &str| text.contains(&format!("\"reservation_id\": \"{}\"", call.reservation_id()));
    call.context().history().iter().any(|message| reads(message.speaker()) && names(message.text()))
}

pub fn fare_of_trip(call: &Call<BookReservation>) -> Result<Dollars, AirlineError> {
    call.state().price(&Trip {
        flights: &call.flights,
        cabin: call.cabin,
        passengers: &call.passengers,
        nonfree_baggages: call.nonfree_baggages,
        insurance: call.insurance,
    })
}

/// Checks that the customer can pay a trip so. Returns `Ok` where it is not the payment that is
/// wrong.
pub fn payment_of_trip(call: &Call<BookReservation>) -> Result<(), AirlineError> {
    match (asked_by(call, &call.user_id), fare_of_trip(call)) {
        (Some(user), Ok(price)) => Airline::can_pay(&user, &call.payment_methods, price),
        _ => Ok(()),
    }
}

/// Returns the price of a change; `Ok(0)` for a reservation that is not theirs.
pub fn fare_of_change<T: PaidChange>(call: &Call<T>) -> Result<Dollars, AirlineError> {
    theirs(call).map_or(Ok(0), |booked| call.price(call.state(), &booked))
}

/// Checks that the customer can pay a change so. Returns `Ok` where it is not the payment that is
/// wrong.
pub fn payment_of_change<T: PaidChange>(call: &Call<T>) -> Result<(), AirlineError> {
    let user = theirs(call).and_then(|booked| asked_by(call, &booked.user_id));
    match (user, fare_of_change(call)) {
        (Some(user), Ok(price)) => Airline::can_pay_change(&user, call.payment_id(), price),
        _ => Ok(()),
    }
}

/// At most one certificate, one credit card and three gift cards pay for a trip.
pub fn pays_with_too_many(user: &User, payments: &[Payment]) -> bool {
    let count = |is: fn(&PaymentMethod) -> bool| {
        payments
            .iter()
            .filter(|paid| user.payment_methods.get(&paid.payment_id).is_some_and(is))
            .count()
    };
    count(|method| matches!(method, PaymentMethod::Certificate { .. })) > 1
        || count(|method| matches!(method, PaymentMethod::CreditCard { .. })) > 1
        || count(|method| matches!(method, PaymentMethod::GiftCard { .. })) > 3
}

/// Returns the number of bags that cost extra.
pub fn bags_to_pay(user: &User, cabin: Cabin, passengers: usize, bags: u32) -> u32 {
    let free = match (user.membership, cabin) {
        (Membership::Regular, Cabin::BasicEconomy) => 0,
        (Membership::Regular, Cabin::Economy) | (Membership::Silver, Cabin::BasicEconomy) => 1,
        (Membership::Regular, Cabin::Business)
        | (Membership::Silver, Cabin::Economy)
        | (Membership::Gold, Cabin::BasicEconomy) => 2,
        (Membership::Silver, Cabin::Business)
        | (Membership::Gold, Cabin::Economy | Cabin::Business) => 3,
    };
    bags.saturating_sub(free * u32::try_from(passengers).unwrap_or(u32::MAX))
}

/// Returns the number of bags of a call that cost extra in a cabin; `None` for a reservation that
/// is not theirs.
pub fn bags_due(call: &Call<UpdateReservationBaggages>, cabin: Cabin) -> Option<u32> {
    let booked = theirs(call)?;
    let user = asked_by(call, &booked.user_id)?;
    Some(bags_to_pay(&user, cabin, booked.passengers.len(), call.total_baggages))
}

/// Returns whether flights follow each other from one place to the other, and back for a round
/// trip.
pub fn leads(
    airline: &Airline,
    flights: &[FlightOn],
    origin: &str,
    destination: &str,
    trip: TripType,
) -> bool {
    let Some(legs) = flights
        .iter()
        .map(|flight| airline.route(&flight.flight_number))
        .collect::<Option<Vec<_>>>()
    else {
        return false;
    };
    let connected =
        legs.windows(2).all(|pair| matches!(pair, [(_, here), (next, _)] if here == next));
    let in_order = flights.is_sorted_by(|one, next| one.date <= next.date);
    let first = legs.first().is_some_and(|(from, _)| *from == origin);
    let ends = |place: &str| legs.last().is_some_and(|(_, to)| *to == place);
    let arrives = match trip {
        TripType::OneWay => ends(destination),
        TripType::RoundTrip => ends(origin) && legs.iter().any(|(_, to)| *to == destination),
    };
    connected && in_order && first && arrives
}

/// Returns whether a reservation has just these flights.
pub fn has_flights(booked: &Reservation, flights: &[FlightOn]) -> bool {
    booked.flights.len() == flights.len()
        && booked.flights.iter().zip(flights).all(|(leg, flight)| leg.is(flight))
}

pub fn hours_since_booking(booked: &Reservation, now: Timestamp) -> i64 {
    let est = TimeZone::fixed(Offset::constant(-5));
    let booked_at = est.to_timestamp(booked.created_at).unwrap_or(Timestamp::MIN);
    now.duration_since(booked_at).as_hours()
}

pub fn is_partly_flown(airline: &Airline, booked: &Reservation) -> bool {
    any_day(airline, booked, |day| {
        matches!(day.status, FlightStatus::Flying | FlightStatus::Landed)
    })
}

pub fn is_cancelled_by_airline(airline: &Airline, booked: &Reservation) -> bool {
    any_day(airline, booked, |day| day.status == FlightStatus::Cancelled)
}

/// Why the rules allow a gesture.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// $100 for each passenger of a flight that the airline cancelled.
    Cancelled,
    /// $50 for each passenger of a late flight.
    Late,
}

/// Why the rules allow a certificate of just this sum: members, the insured and business passengers
/// get one.
pub fn causes_of(call: &Call<SendCertificate>) -> Vec<Cause> {
    let (airline, mut causes) = (call.state(), Vec::new());
    let Some(user) = asked_by(call, &call.user_id) else { return causes };
    for booked in airline.reservations_of(&user) {
        let entitled = user.membership != Membership::Regular
            || booked.insurance == Insurance::Yes
            || booked.flies_in() == Cabin::Business;
        let passengers = Dollars::try_from(booked.passengers.len()).unwrap_or(0);
        if entitled && call.amount == 100 * passengers && is_cancelled_by_airline(airline, &booked)
        {
            causes.push(Cause::Cancelled);
        }
        if entitled && call.amount == 50 * passengers && any_day(airline, &booked, Day::is_late) {
            causes.push(Cause::Late);
        }
    }
    causes
}

/// Returns whether a reservation was booked, changed or cancelled in this conversation.
pub fn has_changed_something(context: &CallContext) -> bool {
    context.history().iter().any(|message| match message.speaker() {
        Speaker::Tool { tool } if *tool != "send_certificate" => {
            CHANGES.contains(&tool.as_str()) && !message.text().starts_with("Error")
        }
        _ => false,
    })
}

fn any_day(airline: &Airline, booked: &Reservation, is: fn(&Day) -> bool) -> bool {
    booked.flights.iter().filter_map(|leg| airline.on(&leg.flight_number, &leg.date)).any(is)
}
