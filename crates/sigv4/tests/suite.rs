//! AWS's public test suite: each of its signed requests is verified, and no altered one is.

use stepwell_sigv4::{RefusalKind, Request, Secret, Verified, verify};

/// The moment of the suite's signatures: 2015-08-30 12:36:00 UTC.
const SIGNED_AT: u64 = 1_440_938_160;

struct Case {
    name: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
}

fn cases() -> Vec<Case> {
    let text = include_str!("suite.txt");
    let cases = text.split("\n=== ").skip(1).map(|case| {
        let (name, request) = case.split_once('\n').unwrap();
        read(name, request)
    });
    cases.collect()
}

fn read(name: &str, request: &str) -> Case {
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    let mut lines = head.trim_end().lines();
    let (method, rest) = lines.next().unwrap().split_once(' ').unwrap();
    let target = rest.strip_suffix(" HTTP/1.1").unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in lines {
        match line.split_once(':').filter(|_| !line.starts_with(' ')) {
            Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
            // A folded line: HTTP has it be a blank and what follows.
            None => {
                let last = &mut headers.last_mut().unwrap().1;
                last.push(' ');
                last.push_str(line.trim());
            }
        }
    }
    Case {
        name: name.to_owned(),
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: body.trim_end_matches('\n').to_owned(),
    }
}

impl Case {
    fn verify(&self) -> Result<Verified, RefusalKind> {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let request =
            Request { method: &self.method, path: &self.path, query: &self.query, headers: &headers };
        let secret = Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        verify(&request, self.body.as_bytes(), SIGNED_AT, &["service"], |id| {
            (id == "AKIDEXAMPLE").then_some(secret)
        })
        .map_err(|refusal| refusal.kind)
    }
}

#[test]
fn every_request_of_the_suite_is_verified() {
    let cases = cases();
    assert!(cases.len() >= 25, "{}", cases.len());
    for case in cases {
        let verified = case.verify().unwrap_or_else(|refused| panic!("{}: {refused:?}", case.name));
        assert_eq!((verified.region.as_str(), verified.service.as_str()), ("us-east-1", "service"));
    }
}

#[test]
fn no_altered_request_of_the_suite_is_verified() {
    for case in cases() {
        let name = &case.name;
        let altered = |change: &dyn Fn(&mut Case)| {
            let mut case = cases().into_iter().find(|other| other.name == case.name).unwrap();
            change(&mut case);
            assert_eq!(case.verify(), Err(RefusalKind::InvalidSignature), "{name}");
        };
        altered(&|case| case.method.push('X'));
        altered(&|case| case.path.push_str("more"));
        altered(&|case| case.query.push_str("&more=1"));
        altered(&|case| case.body.push('x'));
        for index in 0..case.headers.len() {
            // Even the smallest change of what the header says.
            if !matches!(case.headers[index].0.as_str(), "Authorization" | "X-Amz-Date") {
                altered(&|case| case.headers[index].1.push('x'));
            }
        }
    }
}
