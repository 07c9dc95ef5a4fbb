//! Streams whose exact posterior is known after every reading: what the tracker makes of them, beside other estimators.
#![allow(
    clippy::neg_cmp_op_on_partial_ord,
    reason = "an error that is not a number counts as the largest"
)]
#![allow(
    clippy::needless_range_loop,
    reason = "matrices are written by their indices"
)]

mod cases;
mod contest;
mod guide;
mod quadrature;
mod random;
mod rivals;
mod trials;

use cases::{Approach, Kind, Linear, Logistic, Poisson, Rate, Saturating, StudentT};
use contest::{Summary, Verdict, checkpoints, contest};
pub use guide::guide;

/// Room for all readings of a case, and for ten times an effective number of 100.
const ALL: usize = 1024;

const LINEAR: Linear<2> = Linear {
    name: "linear, σ = 0.5",
    sigma: 0.5,
    decades: 0.0,
    length: 256,
    memory: None,
    drift: 0.0,
    spread: 1.0,
};

const APPROACH: Approach = Approach {
    name: "approach",
    kind: Kind::Curved,
    longest: 4.0,
    sigma: 0.3,
    length: 1024,
    memory: None,
    drift: [0.0; 3],
    spread: 1.0,
};

const SATURATING: Saturating = Saturating {
    name: "saturating",
    kind: Kind::Curved,
    largest: 4.0,
    sigma: 0.3,
    length: 512,
};

const STUDENT: StudentT = StudentT {
    length: 512,
    spread: 1.0,
};

/// In four streams of ten the rate is less than the standard deviation of what 512 readings tell of it.
const RATE: Rate = Rate {
    length: 512,
    mean: 0.1,
};

/// A case with room for all its readings.
fn all<C: cases::Case<N>, const N: usize>(
    case: &C,
    streams: usize,
    rivals: bool,
) -> (Verdict, Summary) {
    contest::<C, N, ALL>(case, streams, &checkpoints(case.length()), rivals)
}

/// A case with a window of 32 readings, looked at after 10 000.
fn folded<C: cases::Case<N>, const N: usize>(case: &C, streams: usize) {
    contest::<C, N, 32>(case, streams.div_ceil(5), &[case.length()], false);
}

/// A case with a window of one reading.
fn single<C: cases::Case<N>, const N: usize>(case: &C, streams: usize) {
    let (v, _) = contest::<C, N, 1>(case, streams, &checkpoints(case.length()), false);
    println!(
        "  {} points off by more than 0.3 sd or 30 %, {} of them marked; {} false marks on {} others; {} lost, {} of them marked",
        v.worse, v.marked, v.false_marks, v.right, v.lost, v.lost_marked,
    );
}

fn scaled<const N: usize>(name: &'static str) -> Linear<N> {
    Linear {
        name,
        sigma: 0.5,
        decades: 3.0,
        length: 256,
        memory: None,
        drift: 0.0,
        spread: 1.0,
    }
}

/// `arguments`: the number of streams of a case (50), then names of cases, separated by commas (all).
pub fn run(arguments: &[String]) -> Vec<Summary> {
    let streams = arguments
        .first()
        .map_or(50, |n| n.parse().expect("a number of streams"));
    let wanted = |name: &str| {
        arguments
            .get(1)
            .is_none_or(|all| all.split(',').any(|w| w == name))
    };
    let mut curved = Verdict::default();
    let mut elsewhere = Verdict::default();
    let mut bent = Verdict::default();
    let (mut summaries, mut cases) = (vec![], vec![]);
    let mut add = |kind: Kind, (verdict, summary): (Verdict, Summary)| {
        if kind == Kind::Curved {
            cases.push((summary.name, verdict));
        }
        summaries.push(summary);
        let sum = match kind {
            Kind::Curved => &mut curved,
            Kind::Bent => &mut bent,
            Kind::Linear | Kind::Drifting => &mut elsewhere,
        };
        sum.mean = sum.mean.max(verdict.mean);
        sum.sd = sum.sd.max(verdict.sd);
        sum.coverage = sum.coverage.max(verdict.coverage);
        sum.worse += verdict.worse;
        sum.marked += verdict.marked;
        sum.right += verdict.right;
        sum.false_marks += verdict.false_marks;
        sum.later[0] += verdict.later[0];
        sum.later[1] += verdict.later[1];
        sum.lost += verdict.lost;
    };

    if wanted("linear") {
        for (name, sigma) in [
            ("linear, σ = 0.5", 0.5),
            ("linear, σ = 0.05", 0.05),
            ("linear, σ = 0.005", 0.005),
        ] {
            add(
                Kind::Linear,
                all::<_, 2>(
                    &Linear {
                        name,
                        sigma,
                        ..LINEAR
                    },
                    streams,
                    true,
                ),
            );
        }
        add(
            Kind::Linear,
            all::<_, 8>(&scaled("linear, scales 1 to 1000"), streams, true),
        );
    }
    if wanted("linear16") {
        add(
            Kind::Linear,
            all::<_, 16>(&scaled("linear, scales 1 to 1000"), streams, false),
        );
    }
    if wanted("drift") {
        let case = Linear {
            name: "linear, drifting",
            length: 1024,
            memory: Some(100.0),
            drift: 0.02,
            ..LINEAR
        };
        add(Kind::Linear, all::<_, 2>(&case, streams, true));
    }
    if wanted("approach") {
        add(Kind::Curved, all::<_, 3>(&APPROACH, streams, true));
    }
    if wanted("cooling") {
        let case = Approach {
            name: "cooling, drifting",
            kind: Kind::Drifting,
            memory: Some(100.0),
            drift: [0.02, 0.02, 0.005],
            ..APPROACH
        };
        add(Kind::Drifting, all::<_, 3>(&case, streams, true));
    }
    if wanted("logistic") {
        add(
            Kind::Curved,
            all::<_, 2>(&Logistic { length: 512 }, streams, true),
        );
    }
    if wanted("student") {
        add(Kind::Curved, all::<_, 2>(&STUDENT, streams, true));
    }
    if wanted("poisson") {
        add(
            Kind::Curved,
            all::<_, 2>(&Poisson { length: 512 }, streams, true),
        );
    }
    if wanted("saturating") {
        add(Kind::Curved, all::<_, 2>(&SATURATING, streams, true));
    }
    if wanted("rate") {
        add(Kind::Curved, all::<_, 1>(&RATE, streams, true));
    }
    if wanted("bent") {
        let case = Approach {
            name: "approach, seen too briefly",
            kind: Kind::Bent,
            longest: 1.0,
            sigma: 0.1,
            length: 256,
            ..APPROACH
        };
        add(Kind::Bent, all::<_, 3>(&case, streams, true));
        let case = Saturating {
            name: "saturating, never saturated",
            kind: Kind::Bent,
            largest: 0.3,
            sigma: 0.05,
            ..SATURATING
        };
        add(Kind::Bent, all::<_, 2>(&case, streams, true));
    }
    if wanted("folded") {
        println!("\nReadings that leave the window are folded:");
        let length = 10_000;
        folded::<_, 2>(&Linear { length, ..LINEAR }, streams);
        folded::<_, 2>(
            &Linear {
                length,
                name: "linear, σ = 0.005",
                sigma: 0.005,
                ..LINEAR
            },
            streams,
        );
        folded::<_, 8>(
            &Linear {
                length,
                ..scaled("linear, scales 1 to 1000")
            },
            streams,
        );
        folded::<_, 3>(&Approach { length, ..APPROACH }, streams);
        folded::<_, 2>(&Logistic { length }, streams);
        folded::<_, 2>(&StudentT { length, ..STUDENT }, streams);
        folded::<_, 2>(&Poisson { length }, streams);
        folded::<_, 2>(
            &Saturating {
                length,
                ..SATURATING
            },
            streams,
        );
        folded::<_, 1>(&Rate { length, ..RATE }, streams);
    }
    if wanted("single") {
        println!("\nA window of one reading:");
        single::<_, 2>(&LINEAR, streams);
        single::<_, 3>(&APPROACH, streams);
        single::<_, 2>(&STUDENT, streams);
        single::<_, 2>(&Logistic { length: 512 }, streams);
    }
    if wanted("trouble") {
        println!("\nTrouble:");
        let linear = |spread| Linear {
            name: "linear, σ = 0.05",
            sigma: 0.05,
            spread,
            ..LINEAR
        };
        trials::troubles(linear, 0.05, streams);
        let approach = |spread| Approach {
            length: 512,
            spread,
            ..APPROACH
        };
        trials::troubles(approach, APPROACH.sigma, streams);
        trials::troubles(|spread| StudentT { spread, ..STUDENT }, 1.0, streams);
    }
    if wanted("step") {
        println!("\nA step of the truth:");
        trials::steps(5.0, streams);
        trials::steps(8.0, streams);
    }

    println!();
    for (name, v) in &cases {
        println!(
            "{name}: means within {:.3} sd, sds within {:.1} %, coverage within {:.1} points",
            v.mean, v.sd, v.coverage,
        );
    }
    for (name, v) in [
        ("linear and drifting", &elsewhere),
        ("bent", &bent),
        ("curved", &curved),
    ] {
        println!(
            "{name}: {} points off by more than 0.3 sd or 30 %, {} of them marked; {} false marks on {} others, {} on {} from reading 16 on; {} lost",
            v.worse, v.marked, v.false_marks, v.right, v.later[1], v.later[0], v.lost,
        );
    }
    println!(
        "streams: means within {:.3} sd, sds within {:.1} %, coverage within {:.1} points",
        curved.mean, curved.sd, curved.coverage,
    );
    summaries
}
