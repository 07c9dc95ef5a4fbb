//! Runs a thermal filter in a control loop on a simulated body, and prints the estimates beside the truth.
//!
//! From 200 s to 220 s the sensor gives no reading; at 300 s the fan fails.

use langevin::ConfigError;
use langevin_apps::{
    Marginal,
    filter::{Filter, RATE, heater},
    plant::{Body, Plant},
};

const AMBIENT: f32 = 21.0;

fn main() -> Result<(), ConfigError> {
    let mut body = Body::TYPICAL;
    let mut plant = Plant::new(AMBIENT, body, 1);
    let mut filter = Filter::new(AMBIENT, 7)?;
    println!(
        "{:>5}  {:>13}  {:>21}  {:>21}",
        "", "temperature", "time constant", "thermal resistance"
    );
    println!(
        "{:>5}  {:>13}  {:>21}  {:>21}  alarm",
        "s", "°C (truth)", "s ± sd (truth)", "K/W ± sd (truth)"
    );
    for tick in 0..30_001 {
        let second = tick as f32 / RATE;
        if second == 300.0 {
            body = body.without_fan();
            plant.become_body(body);
        }
        let mut sample = plant.step(2.0 * heater(tick));
        if (200.0..220.0).contains(&second) {
            sample.temperature = f32::NAN;
        }
        let estimate = filter.update(sample);
        let every = if second < 60.0 { 6.0 } else { 15.0 };
        if second % every == 0.0 {
            let known =
                |q: Marginal, truth: f32| format!("{:.2} ± {:.2} ({truth:.2})", q.mean, q.sd);
            let alarm = estimate
                .alarm
                .map_or(String::new(), |alarm| format!("{alarm:?}"));
            println!(
                "{second:>5}  {:>5.2} ({:.2})  {:>21}  {:>21}  {alarm}",
                estimate.temperature,
                plant.temperature(),
                known(estimate.time_constant, body.time_constant),
                known(estimate.resistance, body.resistance),
            );
        }
    }
    Ok(())
}
