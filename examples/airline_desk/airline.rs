//! The airline's system: what its tools read and change.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::civil::{Date, DateTime, date};
use serde::Serialize;

use crate::data::{
    Bookings, Cabin, Data, Day, Dollars, Flight, FlightOn, FlightStatus, Insurance, Leg, Passenger,
    Payment, PaymentMethod, PerCabin, Reservation, ReservationStatus, TripType, User,
};

/// When the recorded conversations take place, in the airline's time.
pub const NOW: DateTime = date(2024, 5, 15).at(15, 0, 0, 0);

const INSURANCE: Dollars = 30;
const EXTRA_BAG: Dollars = 50;

/// The timetable, and the bookings of one conversation.
pub struct Airline {
    flights: Arc<BTreeMap<String, Flight>>,
    bookings: Mutex<Bookings>,
}

/// A trip to be booked.
pub struct Trip<'a> {
    pub flights: &'a [FlightOn],
    pub cabin: Cabin,
    pub passengers: &'a [Passenger],
    pub nonfree_baggages: u32,
    pub insurance: Insurance,
}

/// A flight that can be booked, as a search finds it.
#[derive(Serialize)]
pub struct FlightOption {
    flight_number: String,
    origin: String,
    destination: String,
    scheduled_departure_time_est: String,
    scheduled_arrival_time_est: String,
    status: FlightStatus,
    available_seats: PerCabin,
    prices: PerCabin,
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<String>,
}

/// A reason why the airline's system refuses a request.
#[derive(Debug, PartialEq, Eq)]
pub enum AirlineError {
    NoUser,
    NoReservation,
    NoFlight(String),
    NoFlightOn(String, String),
    NotAvailable(String, String),
    NoSeats(String),
    NoPaymentMethod,
    NoSuchPayment(String),
    LittleBalance(String),
    GiftCardTooSmall,
    PaidByCertificate,
    DoesNotAddUp { price: Dollars, paid: Dollars },
    OtherNumberOfPassengers,
    Full,
}

impl fmt::Display for AirlineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUser => f.write_str("user not found"),
            Self::NoReservation => f.write_str("reservation not found"),
            Self::NoFlight(number) => write!(f, "flight {number} not found"),
            Self::NoFlightOn(number, day) => write!(f, "flight {number} not found on date {day}"),
            Self::NotAvailable(number, day) => {
                write!(f, "flight {number} not available on date {day}")
            }
            Self::NoSeats(number) => write!(f, "not enough seats on flight {number}"),
            Self::NoPaymentMethod => f.write_str("payment method not found"),
            Self::NoSuchPayment(id) => write!(f, "payment method {id} not found"),
            Self::LittleBalance(id) => write!(f, "not enough balance in payment method {id}"),
            Self::GiftCardTooSmall => f.write_str("gift card balance is not enough"),
            Self::PaidByCertificate => {
                f.write_str("certificate cannot be used to update reservation")
            }
            Self::DoesNotAddUp { price, paid } => {
                write!(f, "payment amount does not add up, total price is {price}, but paid {paid}")
            }
            Self::OtherNumberOfPassengers => f.write_str("number of passengers does not match"),
            Self::Full => f.write_str("no further number is free"),
        }
    }
}

impl AirlineError {
    pub fn is_no_such_flight(&self) -> bool {
        matches!(self, Self::NoFlight(_) | Self::NoFlightOn(..) | Self::NotAvailable(..))
    }
}

/// The methods that read flights and bookings.
impl Airline {
    /// As it was when the recording began.
    pub fn open(data: &Data) -> Self {
        Self { flights: Arc::clone(&data.flights), bookings: Mutex::new(data.bookings.clone()) }
    }

    pub fn user(&self, id: &str) -> Option<Arc<User>> {
        self.bookings().users.get(id).cloned()
    }

    pub fn reservation(&self, id: &str) -> Option<Arc<Reservation>> {
        self.bookings().reservations.get(id).cloned()
    }

    /// The customer's reservations.
    pub fn reservations_of(&self, user: &User) -> Vec<Arc<Reservation>> {
        user.reservations.iter().filter_map(|id| self.reservation(id)).collect()
    }

    /// A flight on a day, if there is one.
    pub fn on(&self, flight_number: &str, day: &str) -> Option<&Day> {
        self.day(flight_number, day).ok().map(|(_, day)| day)
    }

    /// From where to where a flight goes.
    pub fn route(&self, flight_number: &str) -> Option<(&str, &str)> {
        self.flights
            .get(flight_number)
            .map(|flight| (flight.origin.as_str(), flight.destination.as_str()))
    }

    pub fn direct(&self, origin: &str, destination: &str, day: &str) -> Vec<FlightOption> {
        let flights = self
            .flights
            .values()
            .filter(|flight| flight.origin == origin && flight.destination == destination);
        flights.filter_map(|flight| found(flight, day, false)).collect()
    }

    pub fn with_one_stop(
        &self,
        origin: &str,
        destination: &str,
        day: &str,
    ) -> Vec<[FlightOption; 2]> {
        let mut pairs = Vec::new();
        for first in self.flights.values().filter(|flight| flight.origin == origin) {
            let lands = &first.scheduled_arrival_time_est;
            let next_day = || Some(day.parse::<Date>().ok()?.tomorrow().ok()?.to_string());
            let second_day = if lands.contains("+1") { next_day() } else { Some(day.to_owned()) };
            let Some(second_day) = second_day else { continue };
            let connects = |second: &&Flight| {
                second.origin == first.destination
                    && second.destination == destination
                    && *lands <= second.scheduled_departure_time_est
            };
            for second in self.flights.values().filter(connects) {
                if let (Some(one), Some(two)) =
                    (found(first, day, true), found(second, &second_day, true))
                {
                    pairs.push([one, two]);
                }
            }
        }
        pairs
    }

    fn bookings(&self) -> MutexGuard<'_, Bookings> {
        self.bookings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn day(&self, number: &str, day: &str) -> Result<(&Flight, &Day), AirlineError> {
        let flight =
            self.flights.get(number).ok_or_else(|| AirlineError::NoFlight(number.to_owned()))?;
        let on = flight
            .dates
            .get(day)
            .ok_or_else(|| AirlineError::NoFlightOn(number.to_owned(), day.to_owned()))?;
        Ok((flight, on))
    }
}

/// The prices and checks of a change: the rules ask them, and the changes are made of them.
impl Airline {
    /// The legs of a trip at today's prices; those that are kept, at the price that was paid.
    pub fn legs(
        &self,
        flights: &[FlightOn],
        cabin: Cabin,
        seats: usize,
        kept: &[Leg],
    ) -> Result<Vec<Leg>, AirlineError> {
        let leg = |flight: &FlightOn| {
            let FlightOn { flight_number, date } = flight.clone();
            if let Some(kept) = kept.iter().find(|leg| leg.is(flight)) {
                return Ok(kept.clone());
            }
            let (flight, day) = self.day(&flight_number, &date)?;
            if day.status != FlightStatus::Available {
                return Err(AirlineError::NotAvailable(flight_number, date));
            }
            if usize::try_from(day.available_seats.of(cabin)).unwrap_or(0) < seats {
                return Err(AirlineError::NoSeats(flight_number));
            }
            let (origin, destination) = (flight.origin.clone(), flight.destination.clone());
            Ok(Leg { origin, destination, flight_number, date, price: day.prices.of(cabin) })
        };
        flights.iter().map(leg).collect()
    }

    /// Returns the price of a new trip.
    pub fn price(&self, trip: &Trip<'_>) -> Result<Dollars, AirlineError> {
        let seats = trip.passengers.len();
        let flights: Dollars =
            self.legs(trip.flights, trip.cabin, seats, &[])?.iter().map(|leg| leg.price).sum();
        let insurance = if trip.insurance == Insurance::Yes { INSURANCE } else { 0 };
        Ok((flights + insurance) * dollars(seats)
            + EXTRA_BAG * Dollars::from(trip.nonfree_baggages))
    }

    /// Returns the price of other flights or another cabin, and the legs then; the price is
    /// negative if money comes back.
    pub fn price_of_change(
        &self,
        reservation: &Reservation,
        flights: &[FlightOn],
        cabin: Cabin,
    ) -> Result<(Dollars, Vec<Leg>), AirlineError> {
        let seats = reservation.passengers.len();
        let kept: &[Leg] = if cabin == reservation.cabin { &reservation.flights } else { &[] };
        let legs = self.legs(flights, cabin, seats, kept)?;
        let sum = |legs: &[Leg]| legs.iter().map(|leg| leg.price).sum::<Dollars>();
        Ok(((sum(&legs) - sum(&reservation.flights)) * dollars(seats), legs))
    }

    /// Returns the price of more bags.
    pub fn price_of_bags(reservation: &Reservation, nonfree_baggages: u32) -> Dollars {
        EXTRA_BAG * Dollars::from(nonfree_baggages.saturating_sub(reservation.nonfree_baggages))
    }

    /// Checks that a payment method can pay that much for a change of a reservation.
    pub fn can_pay_change(
        user: &User,
        payment_id: &str,
        price: Dollars,
    ) -> Result<(), AirlineError> {
        match user.payment_methods.get(payment_id).ok_or(AirlineError::NoPaymentMethod)? {
            PaymentMethod::Certificate { .. } => Err(AirlineError::PaidByCertificate),
            PaymentMethod::GiftCard { amount, .. } if *amount < price => {
                Err(AirlineError::GiftCardTooSmall)
            }
            PaymentMethod::GiftCard { .. } | PaymentMethod::CreditCard { .. } => Ok(()),
        }
    }

    /// Checks that the payments are the customer's, large enough, and add up to the price.
    pub fn can_pay(user: &User, payments: &[Payment], price: Dollars) -> Result<(), AirlineError> {
        for Payment { payment_id, amount } in payments {
            let method = user.payment_methods.get(payment_id);
            match method.ok_or_else(|| AirlineError::NoSuchPayment(payment_id.clone()))? {
                PaymentMethod::GiftCard { amount: left, .. }
                | PaymentMethod::Certificate { amount: left, .. }
                    if left < amount =>
                {
                    return Err(AirlineError::LittleBalance(payment_id.clone()));
                }
                _ => {}
            }
        }
        let paid = payments.iter().map(|payment| payment.amount).sum();
        if paid == price { Ok(()) } else { Err(AirlineError::DoesNotAddUp { price, paid }) }
    }
}

/// The methods that change bookings. Each checks again all that the system needs, as the recorded
/// tools did.
impl Airline {
    pub fn book(
        &self,
        user_id: &str,
        (origin, destination, flight_type): (String, String, TripType),
        trip: &Trip<'_>,
        payments: Vec<Payment>,
        total_baggages: u32,
    ) -> Result<Reservation, AirlineError> {
        let price = self.price(trip)?;
        let flights = self.legs(trip.flights, trip.cabin, trip.passengers.len(), &[])?;
        let mut bookings = self.bookings();
        let Bookings { users, reservations } = &mut *bookings;
        let user = users.get_mut(user_id).ok_or(AirlineError::NoUser)?;
        Self::can_pay(user, &payments, price)?;
        let free =
            ["HATHAT", "HATHAU", "HATHAV"].into_iter().find(|id| !reservations.contains_key(*id));
        let reservation_id = free.ok_or(AirlineError::Full)?.to_owned();
        let user = Arc::make_mut(user);
        for Payment { payment_id, amount } in &payments {
            match user.payment_methods.get_mut(payment_id) {
                Some(PaymentMethod::GiftCard { amount: left, .. }) => *left -= amount,
                // What is left of a certificate is lost.
                Some(PaymentMethod::Certificate { .. }) => {
                    drop(user.payment_methods.remove(payment_id));
                }
                Some(PaymentMethod::CreditCard { .. }) | None => {}
            }
        }
        user.reservations.push(reservation_id.clone());
        let reservation = Reservation {
            reservation_id: reservation_id.clone(),
            user_id: user_id.to_owned(),
            origin,
            destination,
            flight_type,
            cabin: trip.cabin,
            flights,
            passengers: trip.passengers.to_vec(),
            payment_history: payments,
            created_at: NOW,
            total_baggages,
            nonfree_baggages: trip.nonfree_baggages,
            insurance: trip.insurance,
            status: None,
            changed_to: None,
        };
        reservations.insert(reservation_id, Arc::new(reservation.clone()));
        Ok(reservation)
    }

    pub fn change_flights(
        &self,
        reservation_id: &str,
        cabin: Cabin,
        flights: &[FlightOn],
        payment_id: String,
    ) -> Result<Reservation, AirlineError> {
        self.change(reservation_id, |airline, user, reservation| {
            let (price, legs) = airline.price_of_change(reservation, flights, cabin)?;
            pay_change(user, reservation, payment_id, price)?;
            reservation.flights = legs;
            reservation.changed_to = Some(cabin);
            Ok(())
        })
    }

    pub fn change_bags(
        &self,
        reservation_id: &str,
        total_baggages: u32,
        nonfree_baggages: u32,
        payment_id: String,
    ) -> Result<Reservation, AirlineError> {
        self.change(reservation_id, |_, user, reservation| {
            pay_change(
                user,
                reservation,
                payment_id,
                Self::price_of_bags(reservation, nonfree_baggages),
            )?;
            (reservation.total_baggages, reservation.nonfree_baggages) =
                (total_baggages, nonfree_baggages);
            Ok(())
        })
    }

    pub fn change_passengers(
        &self,
        reservation_id: &str,
        passengers: Vec<Passenger>,
    ) -> Result<Reservation, AirlineError> {
        self.change(reservation_id, |_, _, reservation| {
            if passengers.len() != reservation.passengers.len() {
                return Err(AirlineError::OtherNumberOfPassengers);
            }
            reservation.passengers = passengers;
            Ok(())
        })
    }

    pub fn cancel(&self, reservation_id: &str) -> Result<Reservation, AirlineError> {
        self.change(reservation_id, |_, _, reservation| {
            let back = |paid: &Payment| Payment {
                payment_id: paid.payment_id.clone(),
                amount: -paid.amount,
            };
            let refunds: Vec<_> = reservation.payment_history.iter().map(back).collect();
            reservation.payment_history.extend(refunds);
            reservation.status = Some(ReservationStatus::Cancelled);
            Ok(())
        })
    }

    pub fn send_certificate(&self, user_id: &str, amount: Dollars) -> Result<String, AirlineError> {
        let mut bookings = self.bookings();
        let user = Arc::make_mut(bookings.users.get_mut(user_id).ok_or(AirlineError::NoUser)?);
        let mut ids = (3_221_322..3_221_325).map(|number| format!("certificate_{number}"));
        let id = ids.find(|id| !user.payment_methods.contains_key(id)).ok_or(AirlineError::Full)?;
        user.payment_methods
            .insert(id.clone(), PaymentMethod::Certificate { amount, id: id.clone() });
        Ok(format!("Certificate {id} added to user {user_id} with amount {amount}."))
    }

    /// Changes a reservation and its owner together, or neither.
    fn change(
        &self,
        reservation_id: &str,
        change: impl FnOnce(&Self, &mut User, &mut Reservation) -> Result<(), AirlineError>,
    ) -> Result<Reservation, AirlineError> {
        let mut bookings = self.bookings();
        let known = bookings.reservations.get(reservation_id).ok_or(AirlineError::NoReservation)?;
        let mut reservation = Reservation::clone(known);
        let user = bookings.users.get(&reservation.user_id).ok_or(AirlineError::NoUser)?;
        let mut user = User::clone(user);
        change(self, &mut user, &mut reservation)?;
        bookings.users.insert(reservation.user_id.clone(), Arc::new(user));
        bookings.reservations.insert(reservation_id.to_owned(), Arc::new(reservation.clone()));
        Ok(reservation)
    }
}

fn pay_change(
    user: &mut User,
    reservation: &mut Reservation,
    payment_id: String,
    price: Dollars,
) -> Result<(), AirlineError> {
    Airline::can_pay_change(user, &payment_id, price)?;
    if let Some(PaymentMethod::GiftCard { amount, .. }) = user.payment_methods.get_mut(&payment_id)
    {
        *amount -= price;
    }
    if price != 0 {
        reservation.payment_history.push(Payment { payment_id, amount: price });
    }
    Ok(())
}

fn found(flight: &Flight, day: &str, dated: bool) -> Option<FlightOption> {
    let on = flight.dates.get(day).filter(|on| on.status == FlightStatus::Available)?;
    Some(FlightOption {
        flight_number: flight.flight_number.clone(),
        origin: flight.origin.clone(),
        destination: flight.destination.clone(),
        scheduled_departure_time_est: flight.scheduled_departure_time_est.clone(),
        scheduled_arrival_time_est: flight.scheduled_arrival_time_est.clone(),
        status: on.status,
        available_seats: on.available_seats,
        prices: on.prices,
        date: dated.then(|| day.to_owned()),
    })
}

fn dollars(seats: usize) -> Dollars {
    Dollars::try_from(seats).unwrap_or(Dollars::MAX)
}
