//! The table language.
//!
//! ```text
//! shape! {
//!     /// What the shape is; becomes the description in the CRD.
//!     pub struct Name: face(SdkType), … {
//!         "jsonName" sdk_member: RustType [column, …] "What the field is.";
//!         …
//!     }
//! }
//! ```
//!
//! Every field is optional in Rust, because "unset" is a value in its own right for ACK. Its name
//! in Rust is the name of the SDK's member.
//!
//! Faces say which SDK types the shape meets:
//!
//! | face | yields | rows that take part |
//! | --- | --- | --- |
//! | `both(T)` | `ToSdk<T>` and `FromSdk<T>` | all |
//! | `union(T)` | the same, T an enum with a variant for each row | all |
//! | `reads(T)` | `FromSdk<T>` | all |
//! | `create(B)` | `fill_create(B) -> B`, B an input builder | `create` |
//! | `update(B)` | `fill_update(B, &Delta) -> B`, changed fields only | `update` |
//! | `read(T)` | `read_from(&T)` | `read` |
//!
//! Columns of a row, in any order:
//!
//! | column | meaning |
//! | --- | --- |
//! | `required` | listed under `required` in the CRD |
//! | `immutable` | CEL rule `self == oldSelf` in the CRD |
//! | `late` | late-initialised: copied from AWS into the spec while the user has not set it |
//! | `late(value)` | the same, but only while AWS has this value, which is its own default: anything else was once asked for, and unsetting it takes it back |
//! | `document` | a document that is nobody's business but AWS's: messages do not quote it ([`discretion`](runtime::discretion)) |
//! | `compare(rule)` | a rule of [`compare`](super::compare) instead of the one of the type |
//! | `unset(value)` | unset says the same as this value, which is sent when an update unsets it |
//! | `create` | sent when the resource is created |
//! | `update` | sent by the update call when it differs |
//! | `read` | read back from the member of the same name |
//! | `read(closure)` | read back from `closure(&sdk) -> Option<&member>` |

macro_rules! shape {
    (
        $(#[doc = $about:literal])+
        $vis:vis struct $Name:ident $( : $( $face:ident ( $sdk:ty ) ),+ )? {
            $( $json:literal $field:ident : $ty:ty [ $($column:tt)* ] $doc:literal ; )*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        $vis struct $Name {
            $(
                #[doc = $doc]
                #[serde(rename = $json, default, skip_serializing_if = "Option::is_none")]
                pub $field: Option<$ty>,
            )*
        }

        impl $crate::shape::expansion::Shape for $Name {
            fn rows() -> Vec<$crate::shape::expansion::Row> {
                use $crate::shape::expansion::*;
                vec![
                    $( Row {
                        name: $json,
                        schema: <$ty as Value>::schema(),
                        about: $doc,
                        required: column_required!($($column)*),
                        immutable: column_immutable!($($column)*),
                        late: column_is_late!($($column)*),
                        document: column_is_document!($($column)*),
                    }, )*
                ]
            }

            fn late_initialize(&mut self, latest: &Self) -> bool {
                false $( | $crate::shape::expansion::column_late!(
                    [$($column)*] self.$field, latest.$field
                ) )*
            }
        }

        impl $crate::shape::expansion::Value for $Name {
            fn schema() -> serde_json::Value {
                $crate::shape::expansion::object::<Self>(concat!($($about, "\n"),+))
            }

            fn differences(
                desired: &Self,
                latest: &Self,
                at: &str,
                delta: &mut $crate::shape::expansion::Delta,
            ) {
                $( $crate::shape::expansion::column_compare!(
                    [$($column)*] $json, &desired.$field, &latest.$field, at, delta
                ); )*
            }
        }

        $crate::shape::expansion::shape_face! {
            $vis $Name, [ $( $( $face ( $sdk ) )+ )? ] {
                $( $json $field [ $($column)* ] )*
            }
        }
    };
}

macro_rules! shape_face {
    ($vis:vis $Name:ident, [] $rows:tt) => {};
    ($vis:vis $Name:ident, [ both ($sdk:ty) $($rest:tt)* ] { $( $json:literal $field:ident $columns:tt )* }) => {
        impl $crate::shape::expansion::ToSdk<$sdk> for $Name {
            fn to_sdk(&self) -> Result<$sdk, $crate::shape::expansion::Unfit> {
                use $crate::shape::expansion::Finish;
                use $crate::shape::expansion::to_option;
                let builder = <$sdk>::builder();
                $( #[allow(deprecated, reason = "the CRD has members that AWS has superseded")]
                let builder = pastey::paste!(
                    builder.[<set_ $field>](to_option(self.$field.as_ref(), $json)?)
                ); )*
                Finish::<$sdk>::finish(builder.build(), &[$( (stringify!($field), $json) ),*])
            }
        }
        $crate::shape::expansion::shape_face! {
            $vis $Name, [ reads ($sdk) $($rest)* ] { $( $json $field $columns )* }
        }
    };
    ($vis:vis $Name:ident, [ reads ($sdk:ty) $($rest:tt)* ] { $( $json:literal $field:ident $columns:tt )* }) => {
        impl $crate::shape::expansion::FromSdk<$sdk> for $Name {
            fn from_sdk(sdk: &$sdk) -> Self {
                use $crate::shape::expansion::from_member;
                // The builder's getter is an `Option` for every member, the struct's field only
                // for those that AWS may leave out: the getter tells the member's type.
                let witness = <$sdk>::builder();
                #[allow(deprecated, reason = "the CRD has members that AWS has superseded")]
                Self { $(
                    $field: pastey::paste!(from_member(witness.[<get_ $field>](), &sdk.$field)),
                )* }
            }
        }
        $crate::shape::expansion::shape_face! {
            $vis $Name, [ $($rest)* ] { $( $json $field $columns )* }
        }
    };
    ($vis:vis $Name:ident, [ union ($sdk:ty) $($rest:tt)* ] { $( $json:literal $field:ident $columns:tt )* }) => {
        impl $crate::shape::expansion::ToSdk<$sdk> for $Name {
            fn to_sdk(&self) -> Result<$sdk, $crate::shape::expansion::Unfit> {
                use $crate::shape::expansion::to_option;
                let mut set: Vec<$sdk> = Vec::new();
                $( set.extend(
                    to_option(self.$field.as_ref(), $json)?.map(pastey::paste!(<$sdk>::[<$field:camel>]))
                ); )*
                $crate::shape::expansion::only(set, &[$($json),*])
            }
        }
        impl $crate::shape::expansion::FromSdk<$sdk> for $Name {
            fn from_sdk(sdk: &$sdk) -> Self {
                let mut this = Self::default();
                $( if let Ok(value) = pastey::paste!(sdk.[<as_ $field>]()) {
                    this.$field = Some($crate::shape::expansion::FromSdk::from_sdk(value));
                } )*
                this
            }
        }
        $crate::shape::expansion::shape_face! {
            $vis $Name, [ $($rest)* ] { $( $json $field $columns )* }
        }
    };
    ($vis:vis $Name:ident, [ create ($builder:ty) $($rest:tt)* ] { $( $json:literal $field:ident $columns:tt )* }) => {
        impl $Name {
            /// Sets what is sent when the resource is created.
            ///
            /// # Errors
            ///
            /// A value that the SDK's type can't hold, named by its field.
            $vis fn fill_create(
                &self,
                builder: $builder,
            ) -> Result<$builder, $crate::shape::expansion::Unfit> {
                $( let builder = $crate::shape::expansion::column_create!(
                    $columns builder, self, $field, $json
                ); )*
                Ok(builder)
            }
        }
        $crate::shape::expansion::shape_face! {
            $vis $Name, [ $($rest)* ] { $( $json $field $columns )* }
        }
    };
    ($vis:vis $Name:ident, [ update ($builder:ty) $($rest:tt)* ] { $( $json:literal $field:ident $columns:tt )* }) => {
        impl $Name {
            /// Sets what the update call sends: the fields that differ, no others.
            ///
            /// # Errors
            ///
            /// A value that the SDK's type can't hold, named by its field.
            $vis fn fill_update(
                &self,
                builder: $builder,
                delta: &$crate::shape::expansion::Delta,
            ) -> Result<$builder, $crate::shape::expansion::Unfit> {
                $( let builder = $crate::shape::expansion::column_update!(
                    $columns $columns builder, self, $field, $json, delta
                ); )*
                Ok(builder)
            }

            /// The fields that the update call carries.
            $vis const UPDATED: &'static [&'static str] =
                $crate::shape::expansion::column_update!(@names [] $( $json $columns )*);
        }
        $crate::shape::expansion::shape_face! {
            $vis $Name, [ $($rest)* ] { $( $json $field $columns )* }
        }
    };
    ($vis:vis $Name:ident, [ read ($sdk:ty) $($rest:tt)* ] { $( $json:literal $field:ident $columns:tt )* }) => {
        impl $Name {
            /// Takes over what AWS answered; fields that the answer does not carry stay.
            $vis fn read_from(&mut self, sdk: &$sdk) {
                $( $crate::shape::expansion::column_read!(
                    $columns self.$field, sdk, $sdk, $field
                ); )*
            }
        }
        $crate::shape::expansion::shape_face! {
            $vis $Name, [ $($rest)* ] { $( $json $field $columns )* }
        }
    };
}

macro_rules! column_required {
    () => { false };
    (required $($rest:tt)*) => { true };
    ($skip:tt $($rest:tt)*) => { $crate::shape::expansion::column_required!($($rest)*) };
}

macro_rules! column_immutable {
    () => { false };
    (immutable $($rest:tt)*) => { true };
    ($skip:tt $($rest:tt)*) => { $crate::shape::expansion::column_immutable!($($rest)*) };
}

macro_rules! column_is_late {
    () => { false };
    (late $($rest:tt)*) => { true };
    ($skip:tt $($rest:tt)*) => { $crate::shape::expansion::column_is_late!($($rest)*) };
}

macro_rules! column_is_document {
    () => { false };
    (document $($rest:tt)*) => { true };
    ($skip:tt $($rest:tt)*) => { $crate::shape::expansion::column_is_document!($($rest)*) };
}

macro_rules! column_late {
    ([] $mine:expr, $theirs:expr) => {{
        let _ = &$theirs;
        false
    }};
    ([late ($default:expr) $($rest:tt)*] $mine:expr, $theirs:expr) => {{
        let missing = $mine.is_none()
            && $theirs.as_ref().is_some_and(|theirs| $crate::shape::compare::same(theirs, &$default));
        if missing {
            $mine = $theirs.clone();
        }
        missing
    }};
    ([late $($rest:tt)*] $mine:expr, $theirs:expr) => {{
        let missing = $mine.is_none() && $theirs.is_some();
        if missing {
            $mine = $theirs.clone();
        }
        missing
    }};
    ([$skip:tt $($rest:tt)*] $($arg:tt)*) => {
        $crate::shape::expansion::column_late!([$($rest)*] $($arg)*)
    };
}

macro_rules! column_compare {
    ([] $json:literal, $desired:expr, $latest:expr, $at:ident, $delta:ident) => {
        $crate::shape::expansion::field($json, $desired, $latest, $at, $delta);
    };
    ([unset ($value:expr) $($rest:tt)*] $json:literal, $desired:expr, $latest:expr, $at:ident, $delta:ident) => {
        if !$crate::shape::compare::unset_is($value)($desired.as_ref(), $latest.as_ref()) {
            $delta.insert($at, $json);
        }
    };
    ([compare ($rule:expr) $($rest:tt)*] $json:literal, $desired:expr, $latest:expr, $at:ident, $delta:ident) => {
        if !$rule($desired.as_ref(), $latest.as_ref()) {
            $delta.insert($at, $json);
        }
    };
    ([$skip:tt $($rest:tt)*] $($arg:tt)*) => {
        $crate::shape::expansion::column_compare!([$($rest)*] $($arg)*)
    };
}

macro_rules! column_create {
    ([] $builder:ident, $self:ident, $field:ident, $json:literal) => { $builder };
    ([create $($rest:tt)*] $builder:ident, $self:ident, $field:ident, $json:literal) => {
        pastey::paste!($builder.[<set_ $field>](
            $crate::shape::expansion::to_option($self.$field.as_ref(), $json)?
        ))
    };
    ([$skip:tt $($rest:tt)*] $($arg:tt)*) => {
        $crate::shape::expansion::column_create!([$($rest)*] $($arg)*)
    };
}

macro_rules! column_update {
    (@names [$($found:literal)*]) => { &[$($found),*] };
    (@names [$($found:literal)*] $json:literal [] $($rows:tt)*) => {
        $crate::shape::expansion::column_update!(@names [$($found)*] $($rows)*)
    };
    (@names [$($found:literal)*] $json:literal [update $($columns:tt)*] $($rows:tt)*) => {
        $crate::shape::expansion::column_update!(@names [$($found)* $json] $($rows)*)
    };
    (@names [$($found:literal)*] $json:literal [$skip:tt $($columns:tt)*] $($rows:tt)*) => {
        $crate::shape::expansion::column_update!(@names [$($found)*] $json [$($columns)*] $($rows)*)
    };
    ([] $all:tt $builder:ident, $self:ident, $field:ident, $json:literal, $delta:ident) => { $builder };
    ([update $($rest:tt)*] $all:tt $builder:ident, $self:ident, $field:ident, $json:literal, $delta:ident) => {
        if $delta.touches(concat!("spec.", $json)) {
            let value = $crate::shape::expansion::column_unset!($all $self.$field.clone());
            pastey::paste!($builder.[<set_ $field>](
                $crate::shape::expansion::to_option(value.as_ref(), $json)?
            ))
        } else {
            $builder
        }
    };
    ([$skip:tt $($rest:tt)*] $($arg:tt)*) => {
        $crate::shape::expansion::column_update!([$($rest)*] $($arg)*)
    };
}

macro_rules! column_unset {
    ([] $value:expr) => { $value };
    ([unset ($unset:expr) $($rest:tt)*] $value:expr) => { $value.or_else(|| Some($unset.into())) };
    ([$skip:tt $($rest:tt)*] $value:expr) => {
        $crate::shape::expansion::column_unset!([$($rest)*] $value)
    };
}

macro_rules! column_read {
    ([] $mine:expr, $from:ident, $sdk:ty, $field:ident) => {};
    ([read ($closure:expr) $($rest:tt)*] $mine:expr, $from:ident, $sdk:ty, $field:ident) => {
        $mine = $crate::shape::expansion::from_option($from, $closure);
    };
    ([read $($rest:tt)*] $mine:expr, $from:ident, $sdk:ty, $field:ident) => {
        $mine = pastey::paste!($crate::shape::expansion::from_member(
            <$sdk>::builder().[<get_ $field>](),
            &$from.$field
        ));
    };
    ([$skip:tt $($rest:tt)*] $($arg:tt)*) => {
        $crate::shape::expansion::column_read!([$($rest)*] $($arg)*)
    };
}

pub(crate) use column_compare;
pub(crate) use column_create;
pub(crate) use column_immutable;
pub(crate) use column_is_document;
pub(crate) use column_is_late;
pub(crate) use column_late;
pub(crate) use column_read;
pub(crate) use column_required;
pub(crate) use column_unset;
pub(crate) use column_update;
pub(crate) use shape;
pub(crate) use shape_face;
