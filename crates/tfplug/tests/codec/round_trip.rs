//! What is written reads back the same.

use proptest::prelude::*;
use tfplug::codec::json::{self, Objects};
use tfplug::codec::msgpack;
use tfplug::value::Type;

use crate::generate::{Content, typed};

proptest! {
    #[test]
    fn msgpack_reads_back_as_it_was_written((ty, value) in typed(Content::All)) {
        let bytes = msgpack::encode(&value, &ty).unwrap();
        prop_assert_eq!(msgpack::decode(&bytes, &ty).unwrap(), value);
    }

    #[test]
    fn json_reads_back_as_it_was_written((ty, value) in typed(Content::Storable)) {
        let bytes = json::encode(&value, &ty).unwrap();
        prop_assert_eq!(json::decode(&bytes, &ty, Objects::Exact).unwrap(), value);
    }

    #[test]
    fn types_read_back_as_they_were_written((ty, _) in typed(Content::Storable)) {
        prop_assert_eq!(Type::from_bytes(&ty.to_bytes()).unwrap(), ty);
    }

    #[test]
    fn any_bytes_are_a_value_or_an_error((ty, _) in typed(Content::All), bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = msgpack::decode(&bytes, &ty);
        let _ = json::decode(&bytes, &ty, Objects::Lenient);
    }

    #[test]
    fn damaged_values_are_a_value_or_an_error(
        (ty, value) in typed(Content::All),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = msgpack::encode(&value, &ty).unwrap();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let _ = msgpack::decode(&bytes, &ty);
        bytes.truncate(place);
        prop_assert!(msgpack::decode(&bytes, &ty).is_err());
    }
}
