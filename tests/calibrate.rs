//! The calibration application against posteriors computed by other means.

#[path = "../examples/support/reference.rs"]
mod reference;

use langevin::{
    model::Response,
    tracker::{Estimate, Reading},
};
use langevin_apps::{
    calibrate::{
        CHWIRUT2, Calibration, DANWOOD, Instrument, LAST, calibration, constants, reading,
    },
    readings,
};
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

/// How far the posteriors of the constants are from a quadrature: the largest distance of a mean, in standard
/// deviations, and the largest relative error of a standard deviation.
fn off<const N: usize>(
    response: &impl Response<N>,
    estimate: &Estimate<'_, N>,
    exact: &[Marginal; N],
) -> [f64; 2] {
    let known = constants(response, estimate);
    let errors = known.iter().zip(exact).map(|(known, exact)| {
        let mean = (f64::from(known.mean) - exact.mean) / exact.sd;
        [mean.abs(), (f64::from(known.sd) / exact.sd - 1.0).abs()]
    });
    errors.fold([0.0; 2], |[m, s], [mean, sd]| [m.max(mean), s.max(sd)])
}

/// After each number of readings in `stops`, 60 000 draws bring means within 0.05 standard deviations of the posterior's and
/// standard deviations within 5 %; what is left is mostly that the moments of b are made of the first two of θ. After
/// all readings 0.01 and 2 %.
///
/// Without those draws, with the boards' [`LAST`] after the last reading, means are within 0.05 and standard deviations
/// within 5 % in all of 40 runs.
///
/// Tried, and failed: a sigma 3 % too large, no draws after the last reading.
fn check<const N: usize, const CAP: usize, R: Response<N, Input = [f32; 1]> + Copy>(
    instrument: Instrument<N, R>,
    readings: &[[f32; 2]; CAP],
    stops: &[usize],
    reference: fn(&[[f32; 2]]) -> [Marginal; N],
) {
    let start = |seed| -> Calibration<N, CAP, R> { calibration(instrument, seed).unwrap() };
    let mut app = start(1);
    for (seen, row) in (1..).zip(readings) {
        let estimate = app.update(reading(*row)).unwrap();
        assert_eq!(estimate.reading(), Reading::Learnt);
        if stops.contains(&seen) || seen == CAP {
            let exact = reference(&readings[..seen]);
            let mut longer = app.clone();
            let [mean, sd] = off(
                &instrument.response,
                &longer.refine(60_000).unwrap(),
                &exact,
            );
            println!("{seen} readings: means within {mean:.4} sd, sds within {sd:.4}");
            let bounds = if seen == CAP { [0.01, 0.02] } else { [0.05; 2] };
            assert!(mean < bounds[0] && sd < bounds[1]);
        }
    }

    let exact = reference(readings);
    let mut errors: Vec<[f64; 2]> = (0..40)
        .map(|seed| {
            let mut app = start(seed);
            for row in readings {
                app.update(reading(*row)).unwrap();
            }
            off(&instrument.response, &app.refine(LAST).unwrap(), &exact)
        })
        .collect();
    errors.sort_by(|a, b| a[1].total_cmp(&b[1]));
    let mean = errors
        .iter()
        .fold(0.0_f64, |most, [mean, _]| most.max(*mean));
    println!(
        "of 40 runs: means within {mean:.4} sd, sds within {:.4}",
        errors[39][1]
    );
    assert!(mean < 0.05 && errors[39][1] < 0.05);
}

#[test]
fn chwirut2_posterior() {
    check(CHWIRUT2, &readings::CHWIRUT2, &[16, 32], chwirut2);
}

#[test]
fn danwood_posterior() {
    check(DANWOOD, &readings::DANWOOD, &[2, 4], danwood);
}

#[test]
fn a_dead_sensor_leaves_no_trace_but_in_the_chain() {
    let run = |dead: usize| {
        let mut app: Calibration = calibration(CHWIRUT2, 7).unwrap();
        for (i, row) in readings::CHWIRUT2.iter().enumerate() {
            if i == 20 {
                for _ in 0..dead {
                    let estimate = app.update(reading([row[0], f32::NAN])).unwrap();
                    assert_eq!(estimate.reading(), Reading::Impossible);
                }
            }
            app.update(reading(*row)).unwrap();
        }
        assert_eq!(app.estimate().refused(), dead as u32);
        let estimate = app.refine(LAST).unwrap();
        off(
            &CHWIRUT2.response,
            &estimate,
            &chwirut2(&readings::CHWIRUT2),
        )
    };
    for dead in [0, 1000] {
        let [mean, sd] = run(dead);
        assert!(mean < 0.05 && sd < 0.05, "{dead}: {mean} {sd}");
    }
}
