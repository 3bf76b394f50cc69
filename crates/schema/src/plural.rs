//! The plural of a kind.
//!
//! A plural is part of the name of a CRD, so it must be the one that clusters already have: this
//! gives the plurals that upstream gives (recorded in `conformance/pluralization.json`), odd ones
//! included. No crate was found that gives the same.

/// A change of an ending: what a singular ends with, what its plural ends with instead, and the
/// stems before it to which the change is confined.
type Change = (&'static str, &'static str, &'static [&'static str]);

/// Single words. They count before all endings, and as the end of a longer word too
/// (`salesman`); of two that fit, the first does.
const WORDS: &[Change] = &[
    // Words of which a part would be taken for another word or ending.
    ("", "s", &["human", "agenda", "bureau", "curriculum", "dwarf", "formula", "quota"]),
    ("", "s", &["pretorium", "stadium", "vedalia"]),
    // Plural and singular are the same.
    ("", "", &["aircraft", "beef", "bison", "deer", "fish", "moose", "salmon", "sheep", "shrimp"]),
    ("", "", &["swine", "trout", "tuna", "equipment", "graffiti", "information", "media"]),
    ("", "", &["money", "police", "rice", "you"]),
    // English.
    ("man", "men", &[""]),
    ("person", "people", &[""]),
    ("child", "children", &[""]),
    ("foot", "feet", &[""]),
    ("tooth", "teeth", &[""]),
    ("goose", "geese", &[""]),
    ("mouse", "mice", &[""]),
    ("thief", "thieves", &[""]),
    ("", "es", &["buffalo", "potato", "tomato", "topaz"]),
    // French.
    ("", "x", &["adieu", "fabliau"]),
    // Greek.
    ("on", "a", &["criteri", "gangli", "lexic", "mitochondri", "noumen", "phenomen", "tax"]),
    // Latin.
    ("", "e", &["alumna", "differentia", "larva", "minutia", "postcava", "praecava", "uva"]),
    ("", "e", &["vertebra", "vita"]),
    ("us", "i", &["alumn", "bacill", "cact", "cocc", "foc", "loc", "nucle", "radi", "syllab"]),
    ("us", "ora", &["corp"]),
    ("us", "era", &["gen"]),
    ("octopus", "octupuses", &[""]),
    ("ex", "ices", &["ap", "cod", "ind", "lat", "vert", "vort"]),
    ("ix", "ices", &["append", "hel", "rad"]),
    ("is", "es", &["bas", "cris", "ellips", "genes", "oas", "test", "thes"]),
];

/// Words that say nothing about longer ones which end with them.
const WHOLE_WORDS: &[(&str, &str)] =
    &[("alias", "aliases"), ("axis", "axes"), ("die", "dice"), ("louse", "lice"), ("ox", "oxen")];

/// Plurals beside those that the tables give; they stay as they are.
const OTHER_PLURALS: [&str; 3] = ["adieus", "formulae", "octopi"];

/// Endings. The first that fits counts; what already ends like the plural of an earlier one stays
/// as it is, which makes `metadata` and `area` plurals.
const ENDINGS: &[Change] = &[
    ("f", "ves", &["ea", "oa", "r", "l"]),
    ("fe", "ves", &[""]),
    ("y", "ys", &["a", "e", "o"]),
    ("y", "ies", &["qu"]),
    ("y", "ys", &["u"]),
    ("y", "ies", &[""]),
    ("eau", "eaux", &[""]),
    ("bula", "bulae", &[""]),
    // As observed: `modula` becomes `mobulae`.
    ("dula", "bulae", &[""]),
    ("lula", "bulae", &[""]),
    ("nula", "bulae", &[""]),
    ("vula", "bulae", &[""]),
    ("hedron", "hedra", &[""]),
    ("um", "a", &["i"]),
    ("um", "ums", &["se"]),
    ("um", "a", &["e", "o", "d", "el", "il", "ol", "ul", "ll", "yl", "im", "ern", "gn", "strac"]),
    ("um", "a", &["br", "cr", "ter", "ser", "tr"]),
    ("um", "a", &["ant", "at", "ent", "et", "it", "ot", "ut", "ct", "ov"]),
    ("ix", "ices", &["tr"]),
    ("is", "es", &["ias", "mes", "kines", "res", "gnos", "ops", "ys"]),
    ("", "es", &["us", "ch"]),
    ("", "s", &["io"]),
    ("", "es", &["sh", "ss"]),
    ("z", "zzes", &["e", "i"]),
    ("z", "zes", &["t", "z"]),
    ("o", "os", &["an", "l", "t", "o"]),
    ("o", "oes", &[""]),
    ("x", "xes", &[""]),
];

/// Initialisms that no ending applies to, although they look like words with one.
const INITIALISMS: [&str; 3] = ["eia", "ssh", "tia"];

/// Initialisms that are repeated in capitals by mistake: no CRD with such a name can exist.
const SPOILT_INITIALISMS: [&str; 11] =
    ["bss", "cmos", "des", "dns", "ess", "fcs", "https", "ids", "ips", "mpls", "pots"];

/// The name in URLs of a kind: its plural in lower case.
///
/// The result need not be a valid name (`DNS` gives `dnsDNSes`): whoever builds a CRD checks it.
#[must_use]
pub fn pluralize(kind: &str) -> String {
    let kind = kind.to_ascii_lowercase();
    if let Some((_, plural)) = WHOLE_WORDS.iter().find(|(singular, _)| *singular == kind) {
        return (*plural).to_owned();
    }
    if OTHER_PLURALS.contains(&&*kind) || WHOLE_WORDS.iter().any(|(_, plural)| *plural == kind) {
        return kind;
    }
    if INITIALISMS.contains(&&*kind) {
        return kind + "s";
    }
    if SPOILT_INITIALISMS.contains(&&*kind) {
        return format!("{kind}{}es", kind.to_ascii_uppercase());
    }
    for (singular, plural, stems) in WORDS.iter().chain(ENDINGS) {
        for stem in *stems {
            if ends_with(&kind, stem, plural).is_some() {
                return kind;
            }
            if let Some(before) = ends_with(&kind, stem, singular) {
                return format!("{before}{plural}");
            }
        }
    }
    if kind.is_empty() || kind.ends_with('s') { kind } else { kind + "s" }
}

/// What precedes `ending`, if `stem` stands there.
fn ends_with<'a>(word: &'a str, stem: &str, ending: &str) -> Option<&'a str> {
    word.strip_suffix(ending).filter(|before| before.ends_with(stem))
}
