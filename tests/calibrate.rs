//! The calibration application against posteriors computed by other means.

#[path = "../examples/support/reference.rs"]
mod reference;

use langevin::model::Response;
use langevin_apps::{calibrate::*, readings};
use reference::{Marginal, marginals};

/// −log posterior of b in f64, written down anew: the sum of squares, and the prior's part.
fn energy<'a, const N: usize>(
    sigma: f32,
    readings: &'a [[f32; 2]],
    curve: fn(&[f64; N], f64) -> f64,
    prior: fn(&[f64; N]) -> f64,
) -> impl Fn(&[f64; N]) -> f64 + 'a {
    move |b| {
        let squares: f64 = readings
            .iter()
            .map(|&[x, y]| (curve(b, x.into()) - f64::from(y)).powi(2))
            .sum();
        0.5 * squares / f64::from(sigma).powi(2) + prior(b)
    }
}

/// −log density of a normal, up to a constant.
fn normal(x: f64, mean: f64, sd: f64) -> f64 {
    0.5 * ((x - mean) / sd).powi(2)
}

fn chwirut2(readings: &[[f32; 2]]) -> [Marginal; 3] {
    let curve = |b: &[f64; 3], x: f64| (-b[0] * x).exp() / (b[1] + b[2] * x);
    let prior = |b: &[f64; 3]| {
        let (near, far) = ((b[1] + 0.5 * b[2]).ln(), (b[1] + 6.0 * b[2]).ln());
        // The density of b has the Jacobian of the logarithms.
        let prior = normal(b[0], 0.1, 0.3)
            + normal(near, 0.02_f64.ln(), 1.0)
            + normal(far, 0.13_f64.ln(), 1.0)
            + near
            + far;
        if prior.is_nan() { f64::INFINITY } else { prior }
    };
    marginals(
        energy(CHWIRUT2.sigma, readings, curve, prior),
        [0.15, 0.008, 0.010],
    )
}

fn danwood(readings: &[[f32; 2]]) -> [Marginal; 2] {
    let curve = |b: &[f64; 2], x: f64| b[0] * x.powf(b[1]);
    let prior = |b: &[f64; 2]| {
        if b[0] > 0.0 {
            normal(b[0].ln(), 0.0, 1.0) + normal(b[1], 4.0, 0.4) + b[0].ln()
        } else {
            f64::INFINITY
        }
    };
    marginals(energy(DANWOOD.sigma, readings, curve, prior), [0.7, 4.0])
}

/// The posteriors after all readings, as `examples/data` has them.
#[test]
fn committed_reference_is_the_quadrature() {
    let mut moments = String::from("instrument,constant,mean,sd\n");
    let mut densities = String::from("instrument,constant,value,density\n");
    let mut list = |name: &str, marginals: &[Marginal]| {
        for (i, m) in marginals.iter().enumerate() {
            let constant = format!("{name},b{}", i + 1);
            moments += &format!("{constant},{:.8e},{:.8e}\n", m.mean, m.sd);
            for [value, density] in m.density.iter().filter(|[_, d]| *d > 1e-4 / m.sd) {
                densities += &format!("{constant},{value:.5e},{density:.5e}\n");
            }
        }
    };
    list("chwirut2", &chwirut2(&readings::CHWIRUT2));
    list("danwood", &danwood(&readings::DANWOOD));

    for (file, fresh) in [("reference.csv", moments), ("density.csv", densities)] {
        let path = format!("{}/examples/data/{file}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("LANGEVIN_WRITE_REFERENCE").is_some() {
            std::fs::write(&path, &fresh).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap();
        assert_eq!(committed.lines().count(), fresh.lines().count(), "{file}");
        for (old, new) in committed.lines().zip(fresh.lines()).skip(1) {
            for (old, new) in old.split(',').zip(new.split(',')) {
                match (old.parse::<f64>(), new.parse::<f64>()) {
                    // The last digit may differ between machines' logarithms.
                    (Ok(old), Ok(new)) => assert!((old / new - 1.0).abs() < 1e-4, "{old} {new}"),
                    _ => assert_eq!(old, new),
                }
            }
        }
    }
}

#[test]
fn tables_have_the_readings() {
    let table = |rows: &[[f32; 2]]| {
        rows.iter().fold(String::from("x,y\n"), |table, [x, y]| {
            table + &format!("{x},{y}\n")
        })
    };
    assert_eq!(
        include_str!("../examples/data/chwirut2.csv"),
        table(&readings::CHWIRUT2)
    );
    assert_eq!(
        include_str!("../examples/data/danwood.csv"),
        table(&readings::DANWOOD)
    );
}

/// Streams the readings. After each number of them in `stops` the reported sd is within 5 % of the
/// posterior's; after the last, within 3 %, and the mean within 0.05 sd.
///
/// Steps: 2e6 in the end, draws independent after 2/η = 100, so the standard error of a mean is 0.007
/// sd and that of an sd 0.5 % (1 % at the other stops); the law itself adds 0.5 % (η = 0.02).
/// A noise 3 % too strong (tried: 1.037, 1.053) fails.
fn check<const N: usize, R: Response<N, Input = [f32; 1]>>(
    instrument: Instrument<N, R>,
    readings: &[[f32; 2]],
    stops: &[usize],
    reference: fn(&[[f32; 2]]) -> [Marginal; N],
) {
    let mut app = Calibration::<N, 64, R>::new(instrument, 1).unwrap();
    for (i, row) in readings.iter().enumerate() {
        app.observe(reading(*row), STEPS).unwrap();
        let seen = i + 1;
        let last = seen == readings.len();
        if !last && !stops.contains(&seen) {
            continue;
        }
        app.sample(if last { 2_000_000 } else { 500_000 }, |_| ());
        let (mean, sd) = app.posterior().mean().zip(app.posterior().sd()).unwrap();
        for (i, r) in reference(&readings[..seen]).iter().enumerate() {
            let z = (f64::from(mean[i]) - r.mean) / r.sd;
            let ratio = f64::from(sd[i]) / r.sd;
            println!(
                "{seen} readings, b{}: mean {z:+.3} sd off, sd ratio {ratio:.4}",
                i + 1
            );
            if last {
                assert!(z.abs() < 0.05, "b{}: mean off by {z} sd", i + 1);
                assert!(
                    (0.97..1.03).contains(&ratio),
                    "b{}: sd ratio {ratio}",
                    i + 1
                );
            } else {
                assert!((0.95..1.05).contains(&ratio), "{seen}, b{}: {ratio}", i + 1);
            }
        }
    }
    assert_eq!(app.error_counts().total(), 0);
}

#[test]
fn chwirut2_posterior() {
    check(CHWIRUT2, &readings::CHWIRUT2, &[8, 16, 32], chwirut2);
}

#[test]
fn danwood_posterior() {
    check(DANWOOD, &readings::DANWOOD, &[4], danwood);
}

#[test]
fn a_dead_sensor_leaves_no_trace() {
    let run = |dead: usize| {
        let mut app = Calibration::<3, 64>::new(CHWIRUT2, 7).unwrap();
        for (i, row) in readings::CHWIRUT2.iter().enumerate() {
            if i == 20 {
                for _ in 0..dead {
                    app.observe(reading([row[0], f32::NAN]), 100).unwrap_err();
                }
            }
            app.observe(reading(*row), 100).unwrap();
        }
        (
            app.position().map(f32::to_bits),
            app.posterior().sd().unwrap().map(f32::to_bits),
        )
    };
    assert_eq!(run(0), run(1000));
}
