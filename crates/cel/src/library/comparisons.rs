//! Comparison of numbers of different types.

use crate::{Library, Row as R};

/// `<`, `<=`, `>` and `>=` for numbers of different types; see [`Options::mixed_comparisons`](crate::Options).
pub static MIXED_COMPARISONS: Library = Library {
    name: "mixed comparisons",
    doc: "Order of numbers of different types.",
    functions: &[FUNCTIONS],
    macros: &[],
    types: &[],
    objects: &[],
    variables: &[],
};

static FUNCTIONS: &[R] = &[
    R::built_in("less_int64_uint64", "_<_(int, uint): bool", "Is the first smaller?"),
    R::built_in("less_int64_double", "_<_(int, double): bool", "Is the first smaller?"),
    R::built_in("less_uint64_int64", "_<_(uint, int): bool", "Is the first smaller?"),
    R::built_in("less_uint64_double", "_<_(uint, double): bool", "Is the first smaller?"),
    R::built_in("less_double_int64", "_<_(double, int): bool", "Is the first smaller?"),
    R::built_in("less_double_uint64", "_<_(double, uint): bool", "Is the first smaller?"),
    R::built_in(
        "less_equals_int64_uint64",
        "_<=_(int, uint): bool",
        "Is the first smaller or equal?",
    ),
    R::built_in(
        "less_equals_int64_double",
        "_<=_(int, double): bool",
        "Is the first smaller or equal?",
    ),
    R::built_in(
        "less_equals_uint64_int64",
        "_<=_(uint, int): bool",
        "Is the first smaller or equal?",
    ),
    R::built_in(
        "less_equals_uint64_double",
        "_<=_(uint, double): bool",
        "Is the first smaller or equal?",
    ),
    R::built_in(
        "less_equals_double_int64",
        "_<=_(double, int): bool",
        "Is the first smaller or equal?",
    ),
    R::built_in(
        "less_equals_double_uint64",
        "_<=_(double, uint): bool",
        "Is the first smaller or equal?",
    ),
    R::built_in("greater_int64_uint64", "_>_(int, uint): bool", "Is the first larger?"),
    R::built_in("greater_int64_double", "_>_(int, double): bool", "Is the first larger?"),
    R::built_in("greater_uint64_int64", "_>_(uint, int): bool", "Is the first larger?"),
    R::built_in("greater_uint64_double", "_>_(uint, double): bool", "Is the first larger?"),
    R::built_in("greater_double_int64", "_>_(double, int): bool", "Is the first larger?"),
    R::built_in("greater_double_uint64", "_>_(double, uint): bool", "Is the first larger?"),
    R::built_in(
        "greater_equals_int64_uint64",
        "_>=_(int, uint): bool",
        "Is the first larger or equal?",
    ),
    R::built_in(
        "greater_equals_int64_double",
        "_>=_(int, double): bool",
        "Is the first larger or equal?",
    ),
    R::built_in(
        "greater_equals_uint64_int64",
        "_>=_(uint, int): bool",
        "Is the first larger or equal?",
    ),
    R::built_in(
        "greater_equals_uint64_double",
        "_>=_(uint, double): bool",
        "Is the first larger or equal?",
    ),
    R::built_in(
        "greater_equals_double_int64",
        "_>=_(double, int): bool",
        "Is the first larger or equal?",
    ),
    R::built_in(
        "greater_equals_double_uint64",
        "_>=_(double, uint): bool",
        "Is the first larger or equal?",
    ),
];
