//! Names of executions, and the partitions they lead to.
//!
//! A name that a caller gave is hashed with account, region and machine: the first byte is its
//! partition, the first sixteen are what the store finds it by. A name that we generate is a UUID
//! of version 4 to all appearances, and says itself where its execution lives:
//!
//! | bits | what                                                                |
//! |------|---------------------------------------------------------------------|
//! | 66   | the tag: HMAC of partition and number under a key of the store       |
//! | 56   | partition and number, hidden under a mask that is derived of the tag |
//! | 6    | version and variant, as RFC 9562 wants them                          |
//!
//! So most executions, being unnamed, need no index to be found. A caller may of course give a
//! name that was generated once; it then leads to the partition in it, like the first time.

use hmac::Mac;
use sha2::{Digest, Sha256};
use stepwell_model::{EntityId, Partition};
use stepwell_store::NameKey;
use uuid::Uuid;

use crate::keys::Keys;
use crate::requests::ExecutionKey;

const ID_BITS: u32 = 56;
const ID_MASK: u128 = (1 << ID_BITS) - 1;
const TAG_MASK: u128 = (1 << 66) - 1;

/// Where an execution's name leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Home {
    /// The partition that owns the name.
    pub partition: Partition,
    /// What the store finds it by, if a caller gave it.
    pub name_key: NameKey,
    /// The execution that the name was generated for, if it was.
    pub generated: Option<EntityId>,
}

impl Keys {
    /// Where the name of an execution leads.
    pub fn home(&self, key: &ExecutionKey) -> Home {
        let mut hash = Sha256::new();
        let place = &key.machine.place;
        for part in [&place.account, &place.region, &key.machine.name, &key.name] {
            // None of them can contain a zero byte, so the parts cannot run into each other.
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let hash: [u8; 32] = hash.finalize().into();
        let (name_key, _) = hash.split_first_chunk::<16>().expect("32 bytes begin with 16");
        let generated = self.entity_of(&key.name);
        let partition = generated.map_or(hash[0], |entity| entity.partition);
        Home { partition, name_key: *name_key, generated }
    }

    /// The generated name of an execution.
    pub fn generated_name(&self, entity: EntityId) -> String {
        let tag = self.name_tag(entity);
        let hidden = u128::from(entity.to_u64()) ^ self.name_mask(tag);
        let bits = (tag << ID_BITS) | hidden;
        let (high, middle, low) = (bits >> 74, (bits >> 62) & 0xfff, bits & ((1 << 62) - 1));
        let uuid = Uuid::from_u128((high << 80) | (4 << 76) | (middle << 64) | (0b10 << 62) | low);
        uuid.hyphenated().to_string()
    }

    /// The execution that `name` was generated for, if it is a name of ours.
    pub fn entity_of(&self, name: &str) -> Option<EntityId> {
        if name.len() != 36 {
            return None;
        }
        let uuid = Uuid::parse_str(name).ok()?.as_u128();
        let bits = ((uuid >> 80) << 74) | (((uuid >> 64) & 0xfff) << 62) | (uuid & ((1 << 62) - 1));
        let tag = bits >> ID_BITS;
        let packed = (bits & ID_MASK) ^ self.name_mask(tag);
        let entity = EntityId::from_u64(u64::try_from(packed).expect("56 bits fit"));
        // The whole text is compared: upper case, another version or variant are other names.
        (self.name_tag(entity) == tag && self.generated_name(entity) == name).then_some(entity)
    }

    fn name_tag(&self, entity: EntityId) -> u128 {
        let mut mac = self.names.clone();
        mac.update(&entity.to_u64().to_be_bytes());
        leading_bits(mac) & TAG_MASK
    }

    fn name_mask(&self, tag: u128) -> u128 {
        let mut mac = self.masks.clone();
        mac.update(&tag.to_be_bytes());
        leading_bits(mac) & ID_MASK
    }
}

fn leading_bits(mac: crate::keys::Seal) -> u128 {
    let bytes: [u8; 32] = mac.finalize().into_bytes().into();
    let (first, _) = bytes.split_first_chunk::<16>().expect("32 bytes begin with 16");
    u128::from_be_bytes(*first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::{MachineKey, Place};
    use stepwell_store::StoreIdentity;

    fn keys(byte: u8) -> Keys {
        Keys::of(&StoreIdentity { key: [byte; 32] })
    }

    fn key(machine: &str, name: &str) -> ExecutionKey {
        let place = Place { account: "123456789012".into(), region: "us-east-1".into() };
        ExecutionKey { machine: MachineKey { place, name: machine.into() }, name: name.into() }
    }

    #[test]
    fn a_generated_name_leads_back_to_its_execution() {
        let keys = keys(1);
        for number in [1, 2, 77, 1 << 20, EntityId::NUMBER_MAX] {
            for partition in [0, 1, 255] {
                let entity = EntityId { partition, number };
                let name = keys.generated_name(entity);
                assert_eq!(keys.entity_of(&name), Some(entity));
                assert_eq!(keys.home(&key("m", &name)).partition, partition);
            }
        }
    }

    #[test]
    fn a_generated_name_is_a_version_4_uuid_without_visible_order() {
        let keys = keys(1);
        let name = |number| keys.generated_name(EntityId { partition: 0, number });
        let uuid = Uuid::parse_str(&name(1)).unwrap();
        assert_eq!(uuid.get_version_num(), 4);
        assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
        let same = name(1).chars().zip(name(2).chars()).filter(|(a, b)| a == b).count();
        assert!(same < 18, "{} {}", name(1), name(2));
    }

    #[test]
    fn any_other_name_is_just_a_name() {
        let keys = keys(1);
        let name = keys.generated_name(EntityId { partition: 9, number: 4 });
        let mut altered = name.clone().into_bytes();
        altered[35] = if altered[35] == b'0' { b'1' } else { b'0' };
        for other in [
            name.to_uppercase(),
            String::from_utf8(altered).unwrap(),
            name.replace('-', ""),
            "5f2b9a3e-8d1c-4f6a-9b7e-2c3d4e5f6a7b".to_owned(),
            "order-1".to_owned(),
        ] {
            assert_eq!(keys.entity_of(&other), None, "{other}");
        }
        assert_eq!(super::tests::keys(2).entity_of(&name), None);
    }

    #[test]
    fn the_same_name_of_another_machine_is_another_name() {
        let keys = keys(1);
        assert_eq!(keys.home(&key("m", "a")), keys.home(&key("m", "a")));
        assert_ne!(keys.home(&key("m", "a")).name_key, keys.home(&key("n", "a")).name_key);
        assert_ne!(keys.home(&key("m", "na")).name_key, keys.home(&key("mn", "a")).name_key);
    }
}
