//! A million tokens that are not ours, none of which leads anywhere.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use stepwell_engine::{Keys, Place};
use stepwell_model::{EntityId, TaskRef};
use stepwell_store::StoreIdentity;

/// How many of each of four kinds.
const TRIES: u64 = 250_000;

/// xorshift64*: the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn bytes<const COUNT: usize>(&mut self) -> [u8; COUNT] {
        std::array::from_fn(|_| self.next() as u8)
    }
}

fn place(account: &str) -> Place {
    Place { account: account.into(), region: "us-east-1".into() }
}

#[test]
fn a_million_forged_tokens_lead_nowhere() {
    let keys = Keys::of(&StoreIdentity { key: [5; 32] });
    let (here, there) = (place("123456789012"), place("210987654321"));
    let mut random = Random(20_260_101);
    for _ in 0..TRIES {
        let task = TaskRef {
            execution: EntityId { partition: random.next() as u8, number: random.next() >> 16 },
            scheduled_event_id: 1 + random.next() % 25_000,
        };
        let token = keys.token(&here, task);
        assert_eq!(keys.task_of(&here, &token), Some(task));

        // Made up: of the right form, with the id of the right key.
        let mut made_up = random.bytes::<32>();
        made_up[0] = 1;
        assert_eq!(keys.task_of(&here, &URL_SAFE_NO_PAD.encode(made_up)), None);

        // Cut off anywhere.
        assert_eq!(keys.task_of(&here, &token[..random.below(token.len())]), None);

        // One bit is another.
        let mut bytes = URL_SAFE_NO_PAD.decode(&token).expect("it is ours");
        let bit = random.below(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(keys.task_of(&here, &URL_SAFE_NO_PAD.encode(bytes)), None, "bit {bit} of {token}");

        // Another account's, and for another account.
        assert_eq!(keys.task_of(&there, &token), None);
        assert_eq!(keys.task_of(&here, &keys.token(&there, task)), None);
    }
}
