//! The catalogue of all codes.

use std::fmt;
use std::str::FromStr;

macro_rules! codes {
    ($($number:literal $variant:ident $title:literal)*) => {
        /// The kind of a diagnostic: a stable number that prints as `KRO0123`, and a title.
        ///
        /// Numbers are never given to another kind. The first two digits are the family:
        /// 01 the definition and its names, 02 SimpleSchema, 03 templates, 04 expressions,
        /// 05 dependencies, 06 conditions and iteration on a node and external references,
        /// 07 status and author conditions, 08 the generated kind, 09 instances.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Code {
            $(#[doc = $title] $variant = $number,)*
        }

        impl Code {
            /// Every code, by number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The number that `KRO` precedes.
            #[must_use]
            pub const fn number(self) -> u16 {
                self as u16
            }

            /// What the code is about, in a few words.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)*
                }
            }
        }
    };
}

codes! {
    101 UnreadableDocument "the document cannot be read"
    102 UnexpectedShape "a part of the definition has the wrong shape"
    103 MissingField "a required field of the definition is missing"
    104 UnknownDefinitionField "the definition has no such field"
    105 InvalidKind "the kind is not a valid name"
    106 InvalidApiVersion "the API version is not valid"
    107 InvalidGroup "the API group is not valid"
    108 InvalidScope "the scope is neither Namespaced nor Cluster"
    109 InvalidName "a name is not valid"
    110 ReservedName "a name is reserved"
    111 DuplicateName "a name is used twice"
    112 InvalidShortName "a short name or category is not valid"
    113 InvalidPrinterColumn "a printer column is not valid"
    114 ImmutableField "a field of the definition may not change"

    201 UnexpectedSchemaValue "a field of the schema is neither a type nor a structure"
    202 UnknownType "there is no such type"
    203 InvalidTypeSyntax "a type is not well formed"
    204 TypeNestedTooDeeply "a type is nested too deeply"
    205 TypeCycle "custom types refer to each other in a cycle"
    206 InvalidMarkerSyntax "the markers of a field are not well formed"
    207 UnknownMarker "there is no such marker"
    208 InvalidMarkerValue "the value of a marker does not have the right form"
    209 MarkerNotForType "a marker does not apply to this type"
    210 ConflictingMarkers "markers contradict each other"
    211 InvalidDefault "a default does not fit its field"
    212 InvalidPattern "a pattern is not a valid regular expression"
    213 InvalidListMapKey "a list map key is not usable"
    214 InvalidValidationRule "a validation rule does not compile"
    215 RepeatedMarker "a marker is given twice"
    216 SchemaTooLarge "a schema is too large"

    301 InvalidTemplate "a template is not a Kubernetes object"
    302 UnknownKind "there is no such kind"
    303 UnknownField "the kind has no such field"
    304 WrongLiteralType "a literal does not have the type of its field"
    305 TypeMismatch "an expression does not have the type of its field"
    306 ReservedMetadata "a label or annotation is reserved"
    307 NamespaceNotAllowed "a cluster-scoped object has no namespace"
    308 NamespaceRequired "an object needs a namespace here"
    309 ExpressionNotAllowed "an expression is not allowed here"
    310 TemplateOrReference "a resource is either a template or an external reference"

    401 InvalidExpression "an expression cannot be parsed"
    402 ExpressionType "an expression does not type-check"
    403 UnknownIdentifier "an expression uses an unknown name"
    404 UnknownFunction "an expression calls an unknown function"
    405 UnknownSelection "an expression reads a field that does not exist"
    406 NestedExpression "an expression contains another one"
    407 NotStandalone "only a single expression is allowed here"
    408 FunctionNotEnabled "a function is not enabled"
    409 FunctionNotAllowed "a function is not allowed here"
    410 UnterminatedExpression "an expression is not closed"
    411 UnsupportedFeature "a feature is not supported"
    412 TemplateTextType "a part of a text is not a string"
    413 ExpressionTooComplex "an expression is too large or too deep"

    501 DependencyCycle "resources depend on each other in a cycle"
    502 SelfReference "a resource refers to itself"
    503 UnknownResource "there is no such resource"
    504 SameObject "two resources are the same object"
    505 UnusedResource "a part of the definition has no effect"

    601 ConditionType "a condition is not a boolean"
    602 ConditionScope "a condition reads what it may not read"
    603 IterationType "an iteration does not run over a list"
    604 IterationScope "an iterator is used where it is not known"
    605 IteratorNotInIdentity "the objects of an iteration would have one name"
    606 TooManyIterators "an iteration has too many dimensions"
    607 InvalidIteration "an iteration is not well formed"
    608 InvalidExternalReference "an external reference is not well formed"

    701 StatusWithoutExpression "a status field has no expression"
    702 StatusScope "a status expression reads what it may not read"
    703 InvalidConditions "the author conditions are not well formed"
    704 InvalidCondition "an author condition is not well formed"
    705 DuplicateCondition "an author condition is declared twice"
    706 UnknownCondition "there is no such condition to read"

    801 InvalidGeneratedCrd "the API server would refuse the generated kind"
    802 BreakingChange "a change of the schema breaks existing instances"
    803 CrdNotOwned "the kind belongs to somebody else"

    901 InvalidInstance "an instance does not fit its schema"
    902 UnknownInstanceField "the schema has no such field"
    903 EvaluationFailed "an expression cannot be evaluated"
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KRO{:04}", self.number())
    }
}

/// A text that names no code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownCode;

impl fmt::Display for UnknownCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no such code")
    }
}

impl std::error::Error for UnknownCode {}

impl FromStr for Code {
    type Err = UnknownCode;

    /// Reads `KRO0123`, in any case and with or without the letters.
    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let digits = match text.get(..3) {
            Some(letters) if letters.eq_ignore_ascii_case("KRO") => &text[3..],
            Some(_) | None => text,
        };
        let number: u16 = digits.parse().map_err(|_| UnknownCode)?;
        Self::ALL.iter().copied().find(|code| code.number() == number).ok_or(UnknownCode)
    }
}
