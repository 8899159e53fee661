//! Pages of lists: how many items, and the token that leads to the next ones.
//!
//! A token holds where the page ended, sealed with a MAC over that, the moment of issue, and what
//! was asked for: operation, account, region, and all arguments but `maxResults`, which AWS lets
//! change from page to page (recorded for ListStateMachineVersions). It is good for 24 hours, and for as long as the key is
//! kept, restarts included. Whatever else comes back is `InvalidToken`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::Exception;

/// What `maxResults` may be.
pub(crate) const MAX_RESULTS: std::ops::RangeInclusive<i64> = 0..=1000;

/// How many items a page has when the caller does not say, or says 0.
const PAGE_ITEMS: usize = 100;

/// How long a token is good for, in seconds: 24 hours.
const TOKEN_SECONDS: u64 = 24 * 60 * 60;

/// How many bytes of the MAC a token carries.
const MAC_BYTES: usize = 16;

/// How many items to give.
pub(crate) fn size(max_results: Option<i64>) -> usize {
    match max_results {
        None | Some(0) => PAGE_ITEMS,
        Some(count) => usize::try_from(count).unwrap_or(PAGE_ITEMS),
    }
}

/// Seals and opens tokens.
pub(crate) struct Seal {
    key: [u8; 32],
}

impl Seal {
    /// The seal of a secret, which may serve other purposes beside.
    pub(crate) fn new(secret: &[u8; 32]) -> Seal {
        let mut mac = keyed(secret);
        mac.update(b"stepwell page tokens 1");
        Seal { key: mac.finalize().into_bytes().into() }
    }

    /// A token for `position` in the list that `question` asks for, issued at `now` (seconds since
    /// the epoch).
    pub(crate) fn token(&self, question: &[&str], position: &[u8], now: u64) -> String {
        let mut bytes = now.to_be_bytes().to_vec();
        bytes.extend_from_slice(position);
        let mac = self.mac(question, &bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac[..MAC_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position in a token.
    pub(crate) fn position(&self, question: &[&str], token: &str, now: u64) -> Result<Vec<u8>, Exception> {
        let mut bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| Exception::invalid_token())?;
        let sealed = bytes.len().checked_sub(MAC_BYTES).filter(|rest| *rest >= 8);
        let mac = bytes.split_off(sealed.ok_or_else(Exception::invalid_token)?);
        self.mac(question, &bytes).verify_truncated_left(&mac).map_err(|_| Exception::invalid_token())?;

        let position = bytes.split_off(8);
        let issued = u64::from_be_bytes(bytes.try_into().expect("eight bytes are left"));
        if now > issued.saturating_add(TOKEN_SECONDS) {
            return Err(Exception::invalid_token());
        }
        Ok(position)
    }

    fn mac(&self, question: &[&str], bytes: &[u8]) -> Hmac<Sha256> {
        let mut mac = keyed(&self.key);
        // With the lengths before them no two lists of arguments read alike.
        for part in question {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.update(&(u64::MAX).to_be_bytes());
        mac.update(bytes);
        mac
    }
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    #[test]
    fn a_token_leads_back_to_where_the_page_ended() {
        let seal = Seal::new(&[7; 32]);
        let token = seal.token(&["ListActivities", "1", "r"], b"last", NOW);
        assert_eq!(
            seal.position(&["ListActivities", "1", "r"], &token, NOW + TOKEN_SECONDS).unwrap(),
            b"last"
        );
    }

    #[test]
    fn a_token_is_refused_when_anything_is_not_as_it_was() {
        let seal = Seal::new(&[7; 32]);
        let token = seal.token(&["ListActivities", "1", "r"], b"last", NOW);
        assert!(seal.position(&["ListActivities", "1r", ""], &token, NOW).is_err());
        assert!(seal.position(&["ListActivities", "2", "r"], &token, NOW).is_err());
        assert!(seal.position(&["ListActivities", "1", "r"], &token, NOW + TOKEN_SECONDS + 1).is_err());
        assert!(Seal::new(&[8; 32]).position(&["ListActivities", "1", "r"], &token, NOW).is_err());
        for at in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert!(seal.position(&["ListActivities", "1", "r"], &forged, NOW).is_err(), "{at}");
        }
        for bad in ["", "x", "AAAA", "not a token", &"A".repeat(3096)] {
            assert!(seal.position(&["ListActivities", "1", "r"], bad, NOW).is_err(), "{bad}");
        }
    }

    #[test]
    fn no_page_size_and_zero_mean_a_hundred() {
        assert_eq!([size(None), size(Some(0)), size(Some(1)), size(Some(1000))], [100, 100, 1, 1000]);
    }
}
