/// Learns offset and gain of a sensor, y = offset + gain·x, whose readings are off by about `sigma`.
fn calibrate(
    sigma: f32,
    readings: impl Iterator<Item = Sample<2>>,
) -> Result<[[f32; 2]; 2], Box<dyn std::error::Error>> {
    let prior = GaussianPrior::new([0.0; 2], [10.0; 2])?; // what is known before the readings
    let model = Model::new(prior, LinearRegression::new(sigma)?);
    let noise = BoxMuller::new(Pcg32::seed_from_u64(7));
    let mut tracker = Tracker::new(model, Window::<_, 64>::new(), noise);
    for reading in readings {
        let estimate = tracker.update(reading)?;
        let ([offset, gain], [_, gain_sd]) = (estimate.mean(), estimate.sd());
        println!("offset {offset:.3}, gain {gain:.3} ± {gain_sd:.3}");
    }
    Ok(tracker.estimate().interval(0.95)?)
}
