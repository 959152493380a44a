//! The airline's data, as the public τ-bench repository has them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use jiff::civil::{Date, DateTime};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Whole dollars; negative for what is paid back.
pub type Dollars = i64;

/// The class of a seat.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cabin {
    BasicEconomy,
    Economy,
    Business,
}

/// Whether a trip comes back to where it began.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TripType {
    OneWay,
    RoundTrip,
}

/// Whether travel insurance is bought.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Insurance {
    Yes,
    No,
}

/// Someone who flies.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Passenger {
    /// The first name, such as `Noah`.
    pub first_name: String,
    /// The last name, such as `Brown`.
    pub last_name: String,
    /// The date of birth, such as `1990-01-01`.
    pub dob: String,
}

/// A flight on a day, as one asks for it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FlightOn {
    /// The flight number, such as `HAT001`.
    pub flight_number: String,
    /// The day, such as `2024-05-01`.
    pub date: String,
}

/// A sum, and what it is paid with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Payment {
    /// A payment method of the customer's profile, such as `credit_card_7815826`.
    pub payment_id: String,
    /// The amount in dollars.
    pub amount: Dollars,
}

/// A flight of the timetable.
#[derive(Deserialize)]
pub struct Flight {
    pub flight_number: String,
    pub origin: String,
    pub destination: String,
    pub scheduled_departure_time_est: String,
    pub scheduled_arrival_time_est: String,
    pub dates: BTreeMap<String, Day>,
}

/// A flight on one day.
#[derive(Deserialize)]
pub struct Day {
    pub status: FlightStatus,
    #[serde(default)]
    pub available_seats: PerCabin,
    #[serde(default)]
    pub prices: PerCabin,
    #[serde(rename = "actual_departure_time_est")]
    departed_at: Option<DateTime>,
    /// Filled in when the timetable is read.
    #[serde(skip)]
    scheduled_at: Option<DateTime>,
}

impl Day {
    /// Returns whether the flight is delayed, or left late.
    pub fn is_late(&self) -> bool {
        let left_late =
            || self.departed_at.zip(self.scheduled_at).is_some_and(|(left, due)| left > due);
        self.status == FlightStatus::Delayed || left_late()
    }
}

/// Where a flight is in its life. Only an available one can be booked.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlightStatus {
    Available,
    #[serde(rename = "on time")]
    OnTime,
    Delayed,
    Flying,
    Landed,
    Cancelled,
}

/// One number for each cabin.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub struct PerCabin {
    basic_economy: i64,
    economy: i64,
    business: i64,
}

impl Cabin {
    pub const ALL: [Self; 3] = [Self::BasicEconomy, Self::Economy, Self::Business];
}

impl PerCabin {
    pub fn of(self, cabin: Cabin) -> i64 {
        match cabin {
            Cabin::BasicEconomy => self.basic_economy,
            Cabin::Economy => self.economy,
            Cabin::Business => self.business,
        }
    }
}

/// A booked trip.
#[derive(Clone, Serialize, Deserialize)]
pub struct Reservation {
    pub reservation_id: String,
    pub user_id: String,
    pub origin: String,
    pub destination: String,
    pub flight_type: TripType,
    pub cabin: Cabin,
    pub flights: Vec<Leg>,
    pub passengers: Vec<Passenger>,
    pub payment_history: Vec<Payment>,
    pub created_at: DateTime,
    pub total_baggages: u32,
    pub nonfree_baggages: u32,
    pub insurance: Insurance,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ReservationStatus>,
    /// The cabin that was changed to since. The recorded system goes on showing the one that was
    /// booked.
    #[serde(skip)]
    pub changed_to: Option<Cabin>,
}

impl Reservation {
    /// The cabin in which its passengers fly.
    pub fn flies_in(&self) -> Cabin {
        self.changed_to.unwrap_or(self.cabin)
    }

    pub fn is_cancelled(&self) -> bool {
        self.status.is_some()
    }
}

/// The status of a reservation that is not just booked.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationStatus {
    Cancelled,
}

/// A flight of a reservation.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    pub origin: String,
    pub destination: String,
    pub flight_number: String,
    pub date: String,
    pub price: Dollars,
}

impl Leg {
    pub fn is(&self, flight: &FlightOn) -> bool {
        self.flight_number == flight.flight_number && self.date == flight.date
    }
}

/// A customer.
#[derive(Clone, Serialize, Deserialize)]
pub struct User {
    pub name: Name,
    pub address: Address,
    pub email: String,
    pub dob: Date,
    pub payment_methods: BTreeMap<String, PaymentMethod>,
    pub saved_passengers: Vec<Passenger>,
    pub membership: Membership,
    pub reservations: Vec<String>,
}

/// A customer's name.
#[derive(Clone, Serialize, Deserialize)]
pub struct Name {
    pub first_name: String,
    pub last_name: String,
}

/// Where a customer lives.
#[derive(Clone, Serialize, Deserialize)]
pub struct Address {
    address1: String,
    address2: String,
    city: String,
    country: String,
    /// The recorded system calls a province what the data call a state.
    #[serde(rename(serialize = "province"))]
    state: String,
    zip: String,
}

/// A method with which a customer can pay.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum PaymentMethod {
    CreditCard { brand: String, last_four: String, id: String },
    GiftCard { amount: Dollars, id: String },
    Certificate { amount: Dollars, id: String },
}

/// The level of a customer's loyalty.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Membership {
    Regular,
    Silver,
    Gold,
}

/// The data that changes as customers book: cheap to copy, so that every conversation begins with
/// the same.
#[derive(Clone)]
pub struct Bookings {
    pub users: HashMap<String, Arc<User>>,
    pub reservations: HashMap<String, Arc<Reservation>>,
}

/// The timetable and the bookings, as they were when the recording began.
pub struct Data {
    pub flights: Arc<BTreeMap<String, Flight>>,
    pub bookings: Bookings,
}

impl Data {
    /// Reads them from a clone of the τ-bench repository.
    pub fn read(tau_bench: &Path) -> anyhow::Result<Self> {
        let folder = tau_bench.join("tau_bench/envs/airline/data");
        let (users, reservations) =
            (read(&folder.join("users.json"))?, read(&folder.join("reservations.json"))?);
        let bookings = Bookings { users, reservations };
        let mut flights: BTreeMap<String, Flight> = read(&folder.join("flights.json"))?;
        for Flight { scheduled_departure_time_est: due, dates, .. } in flights.values_mut() {
            for (date, day) in dates {
                day.scheduled_at =
                    Some(format!("{date}T{due}").parse().context("a flight leaves at no time")?);
            }
        }
        Ok(Self { flights: Arc::new(flights), bookings })
    }
}

/// Reads a JSON file.
pub fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = std::fs::read(path).with_context(|| {
        let name = path.display();
        format!(
            "cannot read {name}: is --tau-bench a clone of \
            https://github.com/sierra-research/tau-bench?"
        )
    })?;
    serde_json::from_slice(&text).with_context(|| format!("{} is not as expected", path.display()))
}
