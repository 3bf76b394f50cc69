//! IP addresses and networks.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use crate::{CallResult, ErrorKind, Library, Opaque, Row as R, Value};

/// IP addresses: `ip`, `isIP` and tests on them. IPv4 addresses inside of IPv6 are refused.
pub static IP: Library = Library {
    name: "ip",
    doc: "IP addresses.",
    functions: &[IP_FUNCTIONS],
    macros: &[],
    types: &[("net.IP", "net.IP")],
    objects: &[],
    variables: &[],
};

/// Replaces `ip` of [`IP`] by one that takes IPv4 addresses in the hexadecimal form of IPv6, as the specification has it.
pub static MAPPED_IP: Library = Library {
    name: "mapped ip",
    doc: "`ip` takes IPv4 addresses in the hexadecimal form of IPv6 (`::ffff:c0a8:1`).",
    functions: &[&[R::new(
        "string_to_ip",
        "ip(string): net.IP",
        "The address that is written.",
        |args| {
            let [Value::String(text)] = args else { return Err(ErrorKind::overload("ip", args)) };
            match text.parse() {
                Ok(IpAddr::V6(v6)) if !text.contains('.') => {
                    let address = v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4);
                    Ok(Value::Opaque(Arc::new(Ip(address))))
                }
                _ => to_ip(args),
            }
        },
    )]],
    macros: &[],
    types: &[],
    objects: &[],
    variables: &[],
};

/// Networks: `cidr`, `isCIDR` and tests on them.
pub static CIDR: Library = Library {
    name: "cidr",
    doc: "Networks in CIDR notation.",
    functions: &[CIDR_FUNCTIONS],
    macros: &[],
    types: &[("net.CIDR", "net.CIDR")],
    objects: &[],
    variables: &[],
};

/// An IP address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ip(pub IpAddr);

/// A network: an address in it and the length of the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// An address in the network.
    pub address: IpAddr,
    /// Length of the prefix in bits.
    pub prefix: u8,
}

static IP_FUNCTIONS: &[R] = &[
    R::new("string_to_ip", "ip(string): net.IP", "The address that is written.", to_ip),
    R::new("is_ip", "isIP(string): bool", "Is the text an address?", is_ip),
    R::new(
        "ip_is_canonical",
        "ip.isCanonical(string): bool",
        "Is the address written in its canonical form?",
        is_canonical,
    ),
    R::new("ip_to_string", "string(net.IP): string", "The canonical form.", ip_string),
    R::new("ip_family", "(net.IP).family(): int", "4 or 6.", |a| {
        with_ip("family", a, |ip| Value::Int(if ip.is_ipv4() { 4 } else { 6 }))
    }),
    R::new(
        "ip_is_unspecified",
        "(net.IP).isUnspecified(): bool",
        "Is it the address of nothing?",
        |a| with_ip("isUnspecified", a, |ip| Value::Bool(ip.is_unspecified())),
    ),
    R::new(
        "ip_is_loopback",
        "(net.IP).isLoopback(): bool",
        "Is it an address of this machine?",
        |a| with_ip("isLoopback", a, |ip| Value::Bool(ip.is_loopback())),
    ),
    R::new(
        "ip_is_link_local_multicast",
        "(net.IP).isLinkLocalMulticast(): bool",
        "Is it a group of the local network?",
        |a| with_ip("isLinkLocalMulticast", a, |ip| Value::Bool(link_local_multicast(ip))),
    ),
    R::new(
        "ip_is_link_local_unicast",
        "(net.IP).isLinkLocalUnicast(): bool",
        "Is it an address of the local network?",
        |a| with_ip("isLinkLocalUnicast", a, |ip| Value::Bool(link_local_unicast(ip))),
    ),
    R::new(
        "ip_is_global_unicast",
        "(net.IP).isGlobalUnicast(): bool",
        "Is it an address of one machine beyond the local network?",
        |a| with_ip("isGlobalUnicast", a, |ip| Value::Bool(global_unicast(ip))),
    ),
];

static CIDR_FUNCTIONS: &[R] = &[
    R::new("string_to_cidr", "cidr(string): net.CIDR", "The network that is written.", to_cidr),
    R::new("is_cidr", "isCIDR(string): bool", "Is the text a network?", is_cidr),
    R::new("cidr_to_string", "string(net.CIDR): string", "The canonical form.", cidr_string),
    R::new(
        "cidr_contains_ip",
        "(net.CIDR).containsIP(net.IP): bool",
        "Is the address in the network?",
        contains_ip,
    ),
    R::new(
        "cidr_contains_ip_string",
        "(net.CIDR).containsIP(string): bool",
        "Is the address in the network?",
        contains_ip,
    ),
    R::new(
        "cidr_contains_cidr",
        "(net.CIDR).containsCIDR(net.CIDR): bool",
        "Is the network a part?",
        contains_cidr,
    ),
    R::new(
        "cidr_contains_cidr_string",
        "(net.CIDR).containsCIDR(string): bool",
        "Is the network a part?",
        contains_cidr,
    ),
    R::new("cidr_ip", "(net.CIDR).ip(): net.IP", "The address.", |a| {
        with_cidr("ip", a, |cidr| Value::Opaque(Arc::new(Ip(cidr.address))))
    }),
    R::new(
        "cidr_masked",
        "(net.CIDR).masked(): net.CIDR",
        "Without the bits after the prefix.",
        |a| {
            with_cidr("masked", a, |cidr| {
                let address = mask(cidr.address, cidr.prefix);
                Value::Opaque(Arc::new(Cidr { address, prefix: cidr.prefix }))
            })
        },
    ),
    R::new(
        "cidr_prefix_length",
        "(net.CIDR).prefixLength(): int",
        "The length of the prefix.",
        |a| with_cidr("prefixLength", a, |cidr| Value::Int(i64::from(cidr.prefix))),
    ),
];

impl Opaque for Ip {
    fn type_name(&self) -> &str {
        "net.IP"
    }
    fn equals(&self, other: &dyn Opaque) -> Result<bool, Box<ErrorKind>> {
        let any: &dyn std::any::Any = other;
        Ok(any.downcast_ref::<Ip>() == Some(self))
    }
    fn compares_only_with_its_type(&self) -> bool {
        true
    }
    fn text(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

impl Opaque for Cidr {
    fn type_name(&self) -> &str {
        "net.CIDR"
    }
    fn equals(&self, other: &dyn Opaque) -> Result<bool, Box<ErrorKind>> {
        let any: &dyn std::any::Any = other;
        Ok(any.downcast_ref::<Cidr>() == Some(self))
    }
    fn compares_only_with_its_type(&self) -> bool {
        true
    }
    fn text(&self) -> Option<String> {
        Some(format!("{}/{}", self.address, self.prefix))
    }
}

fn parse_ip(text: &str) -> Result<IpAddr, String> {
    if text.contains('%') {
        return Err(format!("`{text}` has a zone, which is not allowed"));
    }
    match text.parse() {
        Ok(IpAddr::V6(v6)) if v6.to_ipv4_mapped().is_some() => {
            Err(format!("`{text}` is an IPv4 address inside of IPv6, which is not allowed"))
        }
        Ok(address) => Ok(address),
        Err(_) => Err(format!("`{text}` is not an IP address")),
    }
}

fn parse_cidr(text: &str) -> Result<Cidr, String> {
    let bad = || format!("`{text}` is not a network in CIDR notation");
    let (address, prefix) = text.split_once('/').ok_or_else(bad)?;
    let address = parse_ip(address)?;
    let digits = prefix.bytes().all(|c| c.is_ascii_digit());
    if !digits || prefix.is_empty() || (prefix.len() > 1 && prefix.starts_with('0')) {
        return Err(bad());
    }
    let prefix: u8 = prefix.parse().map_err(|_| bad())?;
    let limit = if address.is_ipv4() { 32 } else { 128 };
    if prefix > limit { Err(bad()) } else { Ok(Cidr { address, prefix }) }
}

fn mask(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
    }
}

fn to_ip<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(text)] => match parse_ip(text) {
            Ok(address) => Ok(Value::Opaque(Arc::new(Ip(address)))),
            Err(reason) => Err(ErrorKind::argument("ip", reason)),
        },
        _ => Err(ErrorKind::overload("ip", args)),
    }
}

fn is_ip<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(text)] => Ok(Value::Bool(parse_ip(text).is_ok())),
        _ => Err(ErrorKind::overload("isIP", args)),
    }
}

fn is_canonical<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(text)] => match parse_ip(text) {
            Ok(address) => Ok(Value::Bool(address.to_string() == **text)),
            Err(reason) => Err(ErrorKind::argument("ip.isCanonical", reason)),
        },
        _ => Err(ErrorKind::overload("ip.isCanonical", args)),
    }
}

fn ip_string<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    with_ip("string", args, |ip| Value::string(ip.to_string()))
}

fn with_ip<'a>(
    function: &'static str,
    args: &[Value<'a>],
    apply: fn(IpAddr) -> Value<'a>,
) -> CallResult<'a> {
    match args {
        [value] => match value.downcast::<Ip>() {
            Some(ip) => Ok(apply(ip.0)),
            None => Err(ErrorKind::overload(function, args)),
        },
        _ => Err(ErrorKind::overload(function, args)),
    }
}

fn with_cidr<'a>(
    function: &'static str,
    args: &[Value<'a>],
    apply: fn(&Cidr) -> Value<'a>,
) -> CallResult<'a> {
    match args {
        [value] => match value.downcast::<Cidr>() {
            Some(cidr) => Ok(apply(cidr)),
            None => Err(ErrorKind::overload(function, args)),
        },
        _ => Err(ErrorKind::overload(function, args)),
    }
}

fn link_local_multicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => matches!(v4.octets(), [224, 0, 0, _]),
        IpAddr::V6(v6) => v6.segments()[0] & 0xff0f == 0xff02,
    }
}

fn link_local_unicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

/// As Go has it: private addresses are global, too.
fn global_unicast(ip: IpAddr) -> bool {
    let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    !broadcast
        && !ip.is_unspecified()
        && !ip.is_loopback()
        && !ip.is_multicast()
        && !link_local_unicast(ip)
}

fn to_cidr<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(text)] => match parse_cidr(text) {
            Ok(cidr) => Ok(Value::Opaque(Arc::new(cidr))),
            Err(reason) => Err(ErrorKind::argument("cidr", reason)),
        },
        _ => Err(ErrorKind::overload("cidr", args)),
    }
}

fn is_cidr<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(text)] => Ok(Value::Bool(parse_cidr(text).is_ok())),
        _ => Err(ErrorKind::overload("isCIDR", args)),
    }
}

fn cidr_string<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    with_cidr("string", args, |cidr| Value::string(cidr.text().unwrap_or_default()))
}

fn contains(cidr: &Cidr, address: IpAddr) -> bool {
    cidr.address.is_ipv4() == address.is_ipv4()
        && mask(cidr.address, cidr.prefix) == mask(address, cidr.prefix)
}

fn contains_ip<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let refuse = || ErrorKind::overload("containsIP", args);
    let [cidr, other] = args else { return Err(refuse()) };
    let cidr = cidr.downcast::<Cidr>().ok_or_else(refuse)?;
    let address = match other {
        // As in Kubernetes a bad address is an argument without an overload.
        Value::String(text) => parse_ip(text).map_err(|_| refuse())?,
        other => other.downcast::<Ip>().ok_or_else(refuse)?.0,
    };
    Ok(Value::Bool(contains(cidr, address)))
}

fn contains_cidr<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let refuse = || ErrorKind::overload("containsCIDR", args);
    let [cidr, other] = args else { return Err(refuse()) };
    let cidr = cidr.downcast::<Cidr>().ok_or_else(refuse)?;
    let other = match other {
        Value::String(text) => parse_cidr(text).map_err(|_| refuse())?,
        other => *other.downcast::<Cidr>().ok_or_else(refuse)?,
    };
    Ok(Value::Bool(contains(cidr, other.address) && other.prefix >= cidr.prefix))
}
