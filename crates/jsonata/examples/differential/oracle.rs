//! The official JavaScript as a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use stepwell_value::Value;

/// The official JavaScript, one question and one answer a line.
pub struct Oracle {
    child: Child,
    pub questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    pub fn start() -> Oracle {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/jsonata-differential");
        if !folder.join("node_modules").is_dir() {
            let installed = Command::new("npm")
                .args(["install", "--no-audit", "--no-fund"])
                .current_dir(&folder)
                .status();
            assert!(
                installed.is_ok_and(|status| status.success()),
                "npm install failed in {}",
                folder.display()
            );
        }
        let mut child = Command::new("node")
            .arg("oracle.js")
            .current_dir(&folder)
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node can be started");
        let questions = child.stdin.take().expect("its input is piped");
        let answers = BufReader::new(child.stdout.take().expect("its output is piped"));
        Oracle { child, questions, answers }
    }

    pub fn send(&mut self, text: &str, input: &Value) {
        let question = Value::array([Value::from(text), input.clone()]);
        writeln!(self.questions, "{}", question.to_json().expect("inputs are shallow"))
            .expect("node listens");
    }

    pub fn receive(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("node answers");
        match Value::parse(&line) {
            Ok(answer) => answer,
            // Half a character is not ours to compare.
            Err(error) if error.to_string().contains("surrogate") => {
                Value::object([("n", Value::from("half"))])
            }
            Err(error) => panic!("an answer is JSON: {error}: {line:?}"),
        }
    }

    pub fn ask(&mut self, text: &str, input: &Value) -> Value {
        self.send(text, input);
        self.questions.flush().expect("node listens");
        self.receive()
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
