//! Names of executions, and the partitions they lead to.
//!
//! A name that a caller gave is hashed with account, region and machine: the first byte is its
//! partition, the first sixteen are what the store finds it by. A name that we generate is a UUID
//! of version 4 to all appearances, and says itself where its execution lives:
//!
//! | bits | what                                                                       |
//! |------|----------------------------------------------------------------------------|
//! | 64   | the tag: SipHash of partition and number under a key of the store           |
//! | 58   | two zeros, partition and number, hidden under a mask derived of the tag     |
//! | 6    | version and variant, as RFC 9562 wants them                                 |
//!
//! So most executions, being unnamed, need no index to be found. A caller may of course give a
//! name that was generated once; it then leads to the partition in it, like the first time.
//!
//! The first names had tags of 66 bits and masks of 56, both made by HMAC-SHA256. None is made that
//! way any more, but those that were are found for good ([`FirstNames`]).

use std::sync::Arc;

use hmac::Mac;
use sha2::{Digest, Sha256};
use stepwell_model::{EntityId, Partition};
use stepwell_store::NameKey;
use uuid::Uuid;

use crate::keys::{Keys, Seal};
use crate::requests::ExecutionKey;

/// How many bits of a name hide the identity.
const HIDDEN_BITS: u32 = 58;
const HIDDEN_MASK: u64 = (1 << HIDDEN_BITS) - 1;

/// How many bits an identity has.
const ID_BITS: u32 = 56;

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
    pub fn generated_name(&self, entity: EntityId) -> Arc<str> {
        let packed = entity.to_u64();
        let tag = self.names.of(packed);
        let hidden = packed ^ self.hiding(tag);
        let uuid = uuid((u128::from(tag) << HIDDEN_BITS) | u128::from(hidden));
        Arc::from(&*uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }

    /// The execution that `name` was generated for, if it is a name of ours.
    pub fn entity_of(&self, name: &str) -> Option<EntityId> {
        if name.len() != 36 {
            return None;
        }
        let bits = bits(Uuid::parse_str(name).ok()?);
        // The whole text is compared: upper case, another version or variant are other names.
        if *uuid(bits).hyphenated().encode_lower(&mut Uuid::encode_buffer()) != *name {
            return None;
        }
        let tag = (bits >> HIDDEN_BITS) as u64;
        let packed = (bits as u64 & HIDDEN_MASK) ^ self.hiding(tag);
        let is_ours = packed >> ID_BITS == 0 && self.names.of(packed) == tag;
        if is_ours { Some(EntityId::from_u64(packed)) } else { self.first_names.entity_of(bits) }
    }

    /// What hides the identity in a name with this tag.
    fn hiding(&self, tag: u64) -> u64 {
        self.masks.of(tag) & HIDDEN_MASK
    }
}

/// The UUID of version 4 that has these 122 bits.
fn uuid(bits: u128) -> Uuid {
    let (high, middle, low) = (bits >> 74, (bits >> 62) & 0xfff, bits & ((1 << 62) - 1));
    Uuid::from_u128((high << 80) | (4 << 76) | (middle << 64) | (0b10 << 62) | low)
}

/// The bits of a UUID that say something, whatever its version and variant.
fn bits(uuid: Uuid) -> u128 {
    let uuid = uuid.as_u128();
    ((uuid >> 80) << 74) | (((uuid >> 64) & 0xfff) << 62) | (uuid & ((1 << 62) - 1))
}

/// The names that were generated at first.
pub(crate) struct FirstNames {
    /// Tags them.
    pub(crate) tags: Seal,
    /// Hides what they carry.
    pub(crate) masks: Seal,
}

impl FirstNames {
    /// The execution that the name with these bits was generated for.
    fn entity_of(&self, bits: u128) -> Option<EntityId> {
        let tag = bits >> ID_BITS;
        let hidden = bits as u64 & ((1 << ID_BITS) - 1);
        let entity = EntityId::from_u64(hidden ^ self.hiding(tag));
        (self.tag(entity) == tag).then_some(entity)
    }

    fn tag(&self, entity: EntityId) -> u128 {
        let mut mac = self.tags.clone();
        mac.update(&entity.to_u64().to_be_bytes());
        leading_bits(mac) & ((1 << 66) - 1)
    }

    fn hiding(&self, tag: u128) -> u64 {
        let mut mac = self.masks.clone();
        mac.update(&tag.to_be_bytes());
        leading_bits(mac) as u64 & ((1 << ID_BITS) - 1)
    }
}

fn leading_bits(mac: Seal) -> u128 {
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
    fn names_that_were_generated_at_first_are_found() {
        // Written down when they were generated, under the key of 32 ones.
        let entity = |partition, number| Some(EntityId { partition, number });
        for (name, entity) in [
            ("ee0be206-c785-47d5-ad70-b5d5c46074dd", entity(0, 1)),
            ("2dbdc00c-f55b-4171-ad2a-2f1426611b29", entity(7, 77)),
            ("8f6d6bc9-bf20-43fc-b9a7-e4367023346b", entity(255, 281474976710655)),
        ] {
            assert_eq!(keys(1).entity_of(name), entity);
            assert_eq!(keys(2).entity_of(name), None);
            assert_eq!(keys(1).entity_of(&name.to_uppercase()), None);
        }
    }

    #[test]
    fn any_other_name_is_just_a_name() {
        let keys = keys(1);
        let name = keys.generated_name(EntityId { partition: 9, number: 4 });
        let mut altered = name.as_bytes().to_vec();
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
