use std::time::Duration;
use std::time::Instant;

use serde_json::json;

use super::*;

fn object() -> Json {
    json!({
        "metadata": { "name": "orders", "labels": { "app": "shop", "team": "a" } },
        "spec": { "tags": [{ "key": "a", "value": "1" }, { "key": "b", "value": "2" }] },
        "status": {
            "arn": "arn:aws:sqs:us-west-2:123456789012:orders",
            "url": "https://sqs.us-west-2.amazonaws.com/123456789012/orders",
            "count": 7,
            "conditions": [
                { "type": "Synced", "status": "True" },
                { "type": "Ready", "status": "False" },
            ],
        },
    })
}

#[track_caller]
fn yields(query: &str, expected: &Json) {
    let found = Query::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    assert_eq!(found.first(&object()), Ok(Some(expected.clone())), "{query}");
}

#[test]
fn paths_lead_somewhere() {
    yields(".", &object());
    yields(".status.count", &json!(7));
    yields(".status[\"count\"]", &json!(7));
    yields(".metadata.\"name\"", &json!("orders"));
    yields(".status.conditions[-1].type", &json!("Ready"));
    yields(".status | .conditions | .[0].type", &json!("Synced"));
    yields(".status.conditions[7]", &Json::Null);
    yields(".x.y[0]", &Json::Null);
    yields(".status.arn[0:3]", &json!("arn"));
    yields(".status.conditions[1:][0].type", &json!("Ready"));
    yields(".spec.tags[(.status.count - 6)].key", &json!("b"));
}

/// All of them were put to gojq 0.12.17, too, which the published controllers use.
#[test]
fn queries_are_those_of_jq() {
    for (query, expected) in [
        (".status.conditions[] | select(.type == \"Ready\") | .status", json!("False")),
        (".status.conditions | map(.type) | join(\", \")", json!("Synced, Ready")),
        (".status.arn | split(\":\")[4]", json!("123456789012")),
        (".status.arn | split(\":\") | last", json!("orders")),
        (".status.arn / \":\" | .[3]", json!("us-west-2")),
        (
            ".status.url | ltrimstr(\"https://\") | split(\"/\") | .[0]",
            json!("sqs.us-west-2.amazonaws.com"),
        ),
        ("\"\\(.metadata.name)-\\(.status.count)\"", json!("orders-7")),
        ("@base64 \"\\(.metadata.name)!\"", json!("b3JkZXJz!")),
        (".metadata.name | @base64", json!("b3JkZXJz")),
        (".metadata.name | @base64 | @base64d", json!("orders")),
        (
            ".status.url | @uri",
            json!("https%3A%2F%2Fsqs.us-west-2.amazonaws.com%2F123456789012%2Forders"),
        ),
        (".status.none // .metadata.name", json!("orders")),
        ("(.status.arn | .deeper)? // \"none\"", json!("none")),
        (".status.arn.deeper? // \"none\"", json!("none")),
        ("try error(\"why\") catch .", json!("why")),
        ("try error({ a: 1 }) catch .a", json!(1)),
        (".status.arn[4]", json!("a")),
        ("[] | first", Json::Null),
        ("\"\" | split(\"x\") | length", json!(1)),
        ("1e3", json!(1000)),
        ("if .status.count > 5 then \"many\" elif . then \"few\" else \"none\" end", json!("many")),
        (".status.count as $n | $n * 2 + 1", json!(15)),
        ("-.status.count", json!(-7)),
        (".status.count / 2", json!(3.5)),
        ("(.status.count + 1) / 2", json!(4)),
        (".status.count % 4", json!(3)),
        (".spec.tags | length", json!(2)),
        (".spec.tags | from_entries | .b", json!("2")),
        (".metadata.labels | keys[0]", json!("app")),
        (
            ".metadata.labels | to_entries | map(.key + \"=\" + .value) | join(\",\")",
            json!("app=shop,team=a"),
        ),
        (
            ".metadata.labels | with_entries(select(.key == \"team\")) | tojson",
            json!("{\"team\":\"a\"}"),
        ),
        ("[.spec.tags[].value | tonumber] | add", json!(3)),
        ("[.spec.tags[].value] | max", json!("2")),
        (".spec.tags | max_by(.value) | .key", json!("b")),
        (".spec.tags | any(.key == \"b\")", json!(true)),
        (".spec.tags | all(.key == \"b\")", json!(false)),
        ("first(.spec.tags[] | .key)", json!("a")),
        ("{ name: .metadata.name, n: 1 } | tojson", json!("{\"n\":1,\"name\":\"orders\"}")),
        ("{ metadata } | .metadata.name", json!("orders")),
        (".metadata.name | startswith(\"ord\") and (endswith(\"x\") | not)", json!(true)),
        (".metadata.labels | has(\"app\")", json!(true)),
        (".metadata.name | ascii_upcase", json!("ORDERS")),
        ("[3, 1, 2, 1] | sort | unique | reverse | .[0]", json!(3)),
        ("[.spec.tags[].key] - [\"a\"] | .[0]", json!("b")),
        (".status.count == 7.0", json!(true)),
        ("[null, false, 0, \"\", [], {}] | sort == .", json!(true)),
    ] {
        yields(query, &expected);
    }
}

#[test]
fn what_follows_the_first_value_is_not_looked_at() {
    yields(".metadata.name, error(\"too late\")", &json!("orders"));
    yields(".status.conditions[].type", &json!("Synced"));
    // What fails further on is not for `?` to catch.
    let query = Query::parse("(.metadata.name)? | error(\"later\")").expect("valid");
    assert_eq!(query.first(&object()), Err(Failure::Error("later".to_owned())));
    let query = Query::parse("(.metadata.name // 1) | error").expect("valid");
    assert_eq!(query.first(&object()), Err(Failure::Error("orders".to_owned())));
    let query = Query::parse(".status.arn.deeper // 1").expect("valid");
    assert_eq!(query.first(&object()), Err(Failure::Error("string has no string".to_owned())));
    assert_eq!(Query::parse("empty").expect("valid").first(&object()), Ok(None));
}

#[test]
fn what_is_no_query_is_refused_with_its_place() {
    for (query, said) in [
        ("", "expected term at character 1"),
        (".a.", "expected key at character 4"),
        (".ü | ) .b", "expected token at character 2"),
        (".a b", "expected nothing at character 4"),
        (".a | foo", "`foo` at character 6 is not supported"),
        ("status.arn", "`status` at character 1 is not supported"),
        (".a | test(\"x\")", "`test` with 1 argument(s) at character 6 is not supported"),
        ("def f: f; f", "a definition at character 5 is not supported"),
        ("[..]", "`..` at character 2 is not supported"),
        ("recurse(.a)", "`recurse` with 1 argument(s) at character 1 is not supported"),
        ("[range(1; 9)]", "`range` with 2 argument(s) at character 2 is not supported"),
        ("repeat(.)", "`repeat` with 1 argument(s) at character 1 is not supported"),
        (".a | until(.; .)", "`until` with 2 argument(s) at character 6 is not supported"),
        ("while(true; .)", "`while` with 2 argument(s) at character 1 is not supported"),
        ("input", "`input` at character 1 is not supported"),
        ("env.HOME", "`env` at character 1 is not supported"),
        ("reduce .[] as $x (0; . + $x)", "`reduce` at character 1 is not supported"),
        ("limit(3; .[])", "`limit` with 2 argument(s) at character 1 is not supported"),
        (". as [$a] | $a", "taking a value apart by `as` at character 13 is not supported"),
        (".a = 1", "an assignment of something at character 6 is not supported"),
        ("label $out | break $out", "a label at character 7 is not supported"),
        ("@csv", "`@csv` at character 1 is not supported"),
    ] {
        let error = Query::parse(query).expect_err(query);
        assert_eq!(error.to_string(), said, "{query}");
    }
    assert_eq!(Query::parse(&" ".repeat(LONGEST + 1)).unwrap_err(), BadQuery::TooLong);
    let query = Query::parse("$ENV").expect("a variable is one");
    assert_eq!(query.first(&json!({})), Err(Failure::Error("$ENV is not defined".to_owned())));
}

/// Whatever is written, the answer comes soon, or the query is stopped.
#[test]
fn no_query_takes_long() {
    let whole = |part: &str, end: &str| {
        let times = (LONGEST - end.len()) / part.len();
        part.repeat(times) + end
    };
    let object = json!({ "a": "x".repeat(100_000), "b": vec!["y"; 50_000] });
    for query in [
        whole("(.,.)|", "empty"),
        whole("[.[],.[]]|", "length"),
        whole("[.,.]|", "tojson"),
        whole(".+.|", "."),
        whole("tojson|", "length"),
        whole("@base64|", "length"),
        whole("@uri|", "length"),
        whole(".+.|", ".").replacen(".+.", ".a", 1),
        "\"\\(.b[])\\(.b[])\\(.b[])\" | empty".to_owned(),
        ".b as $b | [.b[] | . + $b[]] | length".to_owned(),
        ".b | map(\"y\") | join(\"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\") | length"
            .to_owned(),
        "[.b, .b] | .[0] - .[1] | length".to_owned(),
        ".b | add | length".to_owned(),
        ".b | sort_by(.) | unique | length".to_owned(),
        "{a: .b[], b: .b[], c: .b[]} | empty".to_owned(),
    ] {
        let parsed = Query::parse(&query).unwrap_or_else(|error| panic!("{query}: {error}"));
        let started = Instant::now();
        let _ = parsed.first(&object);
        // A debug build on a machine that is busy; unbounded it would be years.
        assert!(started.elapsed() < Duration::from_secs(30), "{query}");
    }
}

#[test]
fn what_does_too_much_is_stopped() {
    for query in ["[.,.]|".repeat(40) + "tojson", "(.,.)|".repeat(40) + "empty"] {
        let parsed = Query::parse(&query).expect("valid");
        assert_eq!(parsed.first(&json!("x")), Err(Failure::Exhausted), "{query}");
    }
    let object = json!({ "b": vec!["y"; 50_000] });
    let said = crate::export::value(&object, "[.b[] as $x | .b[] | . + $x] | length");
    let expected = "unable to execute query: the query does more than it may".to_owned();
    assert_eq!(said, Err(crate::export::Said::Terminal(expected)));
}

/// As deep as a text of that length can be.
#[test]
fn nothing_is_nested_too_deep() {
    let nested = |open: &str, close: &str| {
        let times = (LONGEST - 1) / (open.len() + close.len());
        open.repeat(times) + "1" + &close.repeat(times)
    };
    for query in [
        nested("(", ")"),
        nested("[", "]"),
        nested("-", ""),
        nested("try ", ""),
        nested("1|", ""),
        nested("1,", ""),
        nested("1//", ""),
        nested("{a:", "}"),
        nested("\"\\(", ")\""),
        nested("if ", " then 1 end"),
        nested("first(", ")"),
        nested("1 as $x|", ""),
        nested(".[", "]?"),
    ] {
        let done =
            on_a_large_stack(|| Query::parse(&query).map(|parsed| parsed.first(&json!([1]))));
        let parsed = done.expect("a thread").unwrap_or_else(|error| panic!("{query}: {error}"));
        drop(parsed);
    }
}
