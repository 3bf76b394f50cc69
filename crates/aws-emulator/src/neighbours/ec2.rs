//! EC2: the zones of a region, which directory buckets are made in.

use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;
use crate::protocol::Answer;
use crate::query::Operation;
use crate::query::Parameters;
use crate::query::Service;
use crate::shape::xml::Writer;

/// The service.
pub(crate) static EC2: Service = Service {
    name: "ec2",
    version: "2016-11-15",
    namespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
    operations: &[Operation {
        name: "DescribeAvailabilityZones",
        parameters: &["Filter."],
        resource: "",
        run: describe_availability_zones,
    }],
};

/// Each region has this many; on AWS some have more.
const ZONES: [(char, u8); 3] = [('a', 1), ('b', 2), ('c', 3)];

/// A region as the ids of its zones write it: `us-west-2` is `usw2`.
fn short(region: &str) -> String {
    let words = [("north", "n"), ("south", "s"), ("east", "e"), ("west", "w"), ("central", "c")];
    let parts = region.split('-').map(|part| {
        let mut rest = part;
        let mut short = String::new();
        while let Some((word, letter)) = words.iter().find(|(word, _)| rest.starts_with(word)) {
            short.push_str(letter);
            rest = &rest[word.len()..];
        }
        short + rest
    });
    parts.collect()
}

fn describe_availability_zones(
    world: &mut World,
    caller: &Caller,
    parameters: &Parameters,
) -> Result<Answer, Failure> {
    for (name, value) in parameters {
        // All zones are available.
        let known = match name.strip_prefix("Filter.").and_then(|rest| rest.split_once('.')) {
            Some((_, "Name")) => value == "state",
            Some((_, rest)) => rest.starts_with("Value.") && value == "available",
            None => false,
        };
        if !known {
            let filter = format_args!("the filter `{name}={value}` of zones");
            return Err(Failure::not_implemented(filter));
        }
    }
    // This service alone has no element for the result.
    let root = "DescribeAvailabilityZonesResponse";
    let mut out = Writer::new(root, EC2.namespace);
    let id = world.ids.uuid();
    out.text("requestId", &id);
    let region = caller.region.as_str();
    out.element("availabilityZoneInfo", |out| {
        for (letter, number) in ZONES {
            out.element("item", |out| {
                out.text("zoneName", &format!("{region}{letter}"));
                out.text("zoneState", "available");
                out.text("regionName", region);
                out.text("zoneId", &format!("{}-az{number}", short(region)));
                out.text("zoneType", "availability-zone");
            });
        }
    });
    Ok(Answer::xml(out.finish(root)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn regions_are_shortened_as_on_aws() {
        let all = ["us-west-2", "eu-central-1", "ap-southeast-1", "sa-east-1", "ca-west-1"];
        assert_eq!(all.map(super::short), ["usw2", "euc1", "apse1", "sae1", "caw1"]);
    }
}
