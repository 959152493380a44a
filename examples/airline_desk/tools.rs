//! The fourteen tools of the airline's agent.

use std::collections::BTreeMap;
use std::sync::Arc;

use gate_runtime::prelude::*;

use crate::airline::{Airline, AirlineError, FlightOption, Trip};
use crate::data::{
    Cabin, Dollars, FlightOn, Insurance, Passenger, Payment, Reservation, TripType, User,
};
#[expect(clippy::wildcard_imports, reason = "every policy belongs to a tool of this file")]
use crate::policies::*;

registry! {
    /// Everything the airline's agent may call.
    pub AirlineTools for Airline {
        BookReservation, UpdateReservationFlights, UpdateReservationBaggages,
        UpdateReservationPassengers, CancelReservation, SendCertificate, GetUserDetails,
        GetReservationDetails, ListAllAirports, SearchDirectFlight, SearchOnestopFlight, Calculate,
        Think, TransferToHumanAgents,
    }
}

/// The tools that change data.
pub const CHANGES: [&str; 6] = [
    "update_reservation_flights",
    "cancel_reservation",
    "book_reservation",
    "update_reservation_baggages",
    "send_certificate",
    "update_reservation_passengers",
];

/// Book a reservation.
#[gated_tool(policy = "bookings", destructive)]
pub fn book_reservation(
    #[state] airline: &Airline,
    /// The customer, such as `sara_doe_496`.
    user_id: String,
    /// The airport where the trip begins, such as `SFO`.
    origin: String,
    /// The airport where it leads, such as `JFK`.
    destination: String,
    flight_type: TripType,
    cabin: Cabin,
    /// Every flight of the trip.
    flights: Vec<FlightOn>,
    /// Everyone who flies.
    passengers: Vec<Passenger>,
    /// What pays for it.
    payment_methods: Vec<Payment>,
    /// The number of checked bags.
    total_baggages: u32,
    /// How many of them are paid for.
    nonfree_baggages: u32,
    insurance: Insurance,
) -> Result<Reservation, AirlineError> {
    let trip =
        Trip { flights: &flights, cabin, passengers: &passengers, nonfree_baggages, insurance };
    airline.book(
        &user_id,
        (origin, destination, flight_type),
        &trip,
        payment_methods,
        total_baggages,
    )
}

/// Change the flights of a reservation, or its cabin.
#[gated_tool(policy = "flight_changes", destructive)]
pub fn update_reservation_flights(
    #[state] airline: &Airline,
    /// The reservation, such as `ZFA04Y`.
    reservation_id: String,
    /// The cabin of all its flights.
    cabin: Cabin,
    /// Every flight of the trip, also those that stay.
    flights: Vec<FlightOn>,
    /// What pays the difference, or takes it back.
    payment_id: String,
) -> Result<Reservation, AirlineError> {
    airline.change_flights(&reservation_id, cabin, &flights, payment_id)
}

/// Change the number of checked bags of a reservation.
#[gated_tool(policy = "bag_changes", destructive)]
pub fn update_reservation_baggages(
    #[state] airline: &Airline,
    /// The reservation, such as `ZFA04Y`.
    reservation_id: String,
    /// The number of checked bags then.
    total_baggages: u32,
    /// How many of them are paid for.
    nonfree_baggages: u32,
    /// What pays for them.
    payment_id: String,
) -> Result<Reservation, AirlineError> {
    airline.change_bags(&reservation_id, total_baggages, nonfree_baggages, payment_id)
}

/// Change who flies on a reservation.
#[gated_tool(policy = "passenger_changes", destructive)]
pub fn update_reservation_passengers(
    #[state] airline: &Airline,
    /// The reservation, such as `ZFA04Y`.
    reservation_id: String,
    /// Everyone who flies then.
    passengers: Vec<Passenger>,
) -> Result<Reservation, AirlineError> {
    airline.change_passengers(&reservation_id, passengers)
}

/// Cancel a whole reservation, and pay back what was paid.
#[gated_tool(policy = "cancellations", destructive)]
pub fn cancel_reservation(
    #[state] airline: &Airline,
    /// The reservation, such as `ZFA04Y`.
    reservation_id: String,
) -> Result<Reservation, AirlineError> {
    airline.cancel(&reservation_id)
}

/// Give a customer a travel certificate.
#[gated_tool(policy = "gestures", destructive)]
pub fn send_certificate(
    #[state] airline: &Airline,
    /// The customer, such as `sara_doe_496`.
    user_id: String,
    /// Its worth in dollars.
    amount: Dollars,
) -> Result<String, AirlineError> {
    airline.send_certificate(&user_id, amount)
}

/// Read a customer's profile.
#[gated_tool(policy = "never_ask", read_only)]
pub fn get_user_details(
    #[state] airline: &Airline,
    /// The customer, such as `sara_doe_496`.
    user_id: String,
) -> Result<Arc<User>, AirlineError> {
    airline.user(&user_id).ok_or(AirlineError::NoUser)
}

/// Read a reservation.
#[gated_tool(policy = "never_ask", read_only)]
pub fn get_reservation_details(
    #[state] airline: &Airline,
    /// The reservation, such as `ZFA04Y`.
    reservation_id: String,
) -> Result<Arc<Reservation>, AirlineError> {
    airline.reservation(&reservation_id).ok_or(AirlineError::NoReservation)
}

/// List the airports and their cities.
#[gated_tool(policy = "never_ask", read_only)]
pub fn list_all_airports() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("ATL", "Atlanta"),
        ("BOS", "Boston"),
        ("CLT", "Charlotte"),
        ("DEN", "Denver"),
        ("DFW", "Dallas"),
        ("DTW", "Detroit"),
        ("EWR", "Newark"),
        ("IAH", "Houston"),
        ("JFK", "New York"),
        ("LAS", "Las Vegas"),
        ("LAX", "Los Angeles"),
        ("LGA", "LaGuardia"),
        ("MCO", "Orlando"),
        ("MIA", "Miami"),
        ("MSP", "Minneapolis"),
        ("ORD", "Chicago"),
        ("PHL", "Philadelphia"),
        ("PHX", "Phoenix"),
        ("SEA", "Seattle"),
        ("SFO", "San Francisco"),
    ])
}

/// Find direct flights that can be booked.
#[gated_tool(policy = "never_ask", read_only)]
pub fn search_direct_flight(
    #[state] airline: &Airline,
    /// The airport where it begins, such as `JFK`.
    origin: String,
    /// The airport where it leads, such as `LAX`.
    destination: String,
    /// The day, such as `2024-05-01`.
    date: String,
) -> Vec<FlightOption> {
    airline.direct(&origin, &destination, &date)
}

/// Find flights that can be booked with a change of planes.
#[gated_tool(policy = "never_ask", read_only)]
pub fn search_onestop_flight(
    #[state] airline: &Airline,
    /// The airport where it begins, such as `JFK`.
    origin: String,
    /// The airport where it leads, such as `LAX`.
    destination: String,
    /// The day of the first flight, such as `2024-05-01`.
    date: String,
) -> Vec<[FlightOption; 2]> {
    airline.with_one_stop(&origin, &destination, &date)
}

/// Calculate with numbers, `+`, `-`, `*`, `/` and parentheses.
#[gated_tool(policy = "never_ask", read_only)]
pub fn calculate(
    /// What to calculate, such as `2 + 2`.
    expression: String,
) -> Result<String, String> {
    if expression.contains(|sign: char| !"0123456789+-*/(). ".contains(sign)) {
        return Err("invalid characters in expression".to_owned());
    }
    let value = exmex::eval_str::<f64>(&expression).map_err(|error| error.to_string())?;
    Ok(format!("{:?}", (value * 100.0).round() / 100.0))
}

/// Think about something: nothing is read or changed.
#[gated_tool(policy = "never_ask", read_only)]
pub fn think(thought: String) -> String {
    let _ = thought;
    String::new()
}

/// Hand the customer over to a person, with a summary.
#[gated_tool(policy = "never_ask")]
pub fn transfer_to_human_agents(summary: String) -> String {
    let _ = summary;
    "Transfer successful".to_owned()
}
