//! Signatures of functions as text: `math.abs(int): int`, `(list(T)).first(): optional(T)`.

use std::{fmt, sync::Arc};

use crate::{Type, types::OpaqueType};

/// A signature that can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureError {
    signature: String,
    at: usize,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "signature `{}` can't be read at byte {}", self.signature, self.at)
    }
}

impl std::error::Error for SignatureError {}

#[derive(Debug, PartialEq)]
pub(crate) struct Signature {
    pub(crate) function: String,
    pub(crate) member: bool,
    pub(crate) params: Vec<Type>,
    pub(crate) result: Type,
    pub(crate) type_params: Vec<Arc<str>>,
}

struct Reader<'s> {
    text: &'s str,
    at: usize,
    type_params: Vec<Arc<str>>,
}

pub(crate) fn parse(text: &str) -> Result<Signature, SignatureError> {
    let mut reader = Reader { text, at: 0, type_params: Vec::new() };
    let mut params = Vec::new();
    let member = reader.eat('(');
    if member {
        params.push(reader.ty()?);
        reader.expect(')')?;
        reader.expect('.')?;
    }
    let function = reader.until_paren()?;
    reader.expect('(')?;
    while !reader.eat(')') {
        params.push(reader.ty()?);
        if !reader.eat(',') {
            reader.expect(')')?;
            break;
        }
    }
    reader.expect(':')?;
    let result = reader.ty()?;
    reader.end()?;
    Ok(Signature { function, member, params, result, type_params: reader.type_params })
}

pub(crate) fn parse_type(text: &str) -> Result<Type, SignatureError> {
    let mut reader = Reader { text, at: 0, type_params: Vec::new() };
    let ty = reader.ty()?;
    reader.end()?;
    Ok(ty)
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn error(&self) -> SignatureError {
        SignatureError { signature: self.text.to_owned(), at: self.at }
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, c: char) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    fn expect(&mut self, c: char) -> Result<(), SignatureError> {
        if self.eat(c) { Ok(()) } else { Err(self.error()) }
    }

    fn end(&mut self) -> Result<(), SignatureError> {
        self.skip_space();
        if self.rest().is_empty() { Ok(()) } else { Err(self.error()) }
    }

    fn until_paren(&mut self) -> Result<String, SignatureError> {
        let end = self.rest().find('(').filter(|end| *end > 0).ok_or_else(|| self.error())?;
        let name = self.rest()[..end].trim().to_owned();
        self.at += end;
        Ok(name)
    }

    fn args(&mut self, count: usize) -> Result<Vec<Type>, SignatureError> {
        let mut args = Vec::new();
        if self.eat('(') {
            loop {
                args.push(self.ty()?);
                if !self.eat(',') {
                    break;
                }
            }
            self.expect(')')?;
        }
        if args.len() == count { Ok(args) } else { Err(self.error()) }
    }

    fn ty(&mut self) -> Result<Type, SignatureError> {
        self.skip_space();
        let end = self
            .rest()
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_'))
            .unwrap_or(self.rest().len());
        let name = self.rest()[..end].to_owned();
        self.at += end;
        Ok(match name.as_str() {
            "" => return Err(self.error()),
            "dyn" => Type::Dyn,
            "null" => Type::Null,
            "bool" => Type::Bool,
            "int" => Type::Int,
            "uint" => Type::Uint,
            "double" => Type::Double,
            "string" => Type::String,
            "bytes" => Type::Bytes,
            "timestamp" => Type::Timestamp,
            "duration" => Type::Duration,
            "list" => Type::list(self.args(1)?.remove(0)),
            "optional" => Type::optional(self.args(1)?.remove(0)),
            "wrapper" => Type::wrapper(self.args(1)?.remove(0)),
            "type" if self.rest().starts_with('(') => Type::type_of(self.args(1)?.remove(0)),
            "type" => Type::type_of(Type::Dyn),
            "map" => {
                let mut args = self.args(2)?;
                let value = args.remove(1);
                Type::map(args.remove(0), value)
            }
            param if param.len() == 1 && param.as_bytes()[0].is_ascii_uppercase() => {
                let name: Arc<str> = param.into();
                if !self.type_params.contains(&name) {
                    self.type_params.push(name.clone());
                }
                Type::Param(name)
            }
            opaque => {
                let params = if self.rest().starts_with('(') {
                    let mut params = Vec::new();
                    self.expect('(')?;
                    loop {
                        params.push(self.ty()?);
                        if !self.eat(',') {
                            break;
                        }
                    }
                    self.expect(')')?;
                    params
                } else {
                    Vec::new()
                };
                Type::Opaque(Arc::new(OpaqueType { name: opaque.into(), params }))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_functions_and_parameters() {
        let s = parse("(map(K, list(V))).get(K): optional(V)").expect("readable");
        assert!(s.member);
        assert_eq!(s.function, "get");
        assert_eq!(s.type_params.len(), 2);
        assert_eq!(s.params[0].to_string(), "map(K, list(V))");
        assert_eq!(s.result.to_string(), "optional_type(V)");
        let s = parse("math.abs(int): int").expect("readable");
        assert_eq!((s.function.as_str(), s.member, s.params.len()), ("math.abs", false, 1));
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for text in
            ["", "f", "f(", "f(int", "f(int)", "f(list): int", "f(): int x", "(int)f(): int"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
