//! Jayway's JsonPath as a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use stepwell_value::Value;

/// Where Debian's `libjsonpath-java` and what it needs lie.
const JARS: &str = "/usr/share/java/json-path.jar:/usr/share/java/json-smart.jar:\
    /usr/share/java/accessors-smart.jar:/usr/share/java/asm.jar:/usr/share/java/slf4j-api.jar";

/// Jayway's JsonPath, one question and one answer a line.
pub struct Oracle {
    child: Child,
    pub questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    pub fn start() -> Oracle {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/jsonpath-differential");
        let mut child = Command::new("java")
            .args(["-cp", JARS, "Oracle.java"])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("java can be started");
        let questions = child.stdin.take().expect("its input is piped");
        let answers = BufReader::new(child.stdout.take().expect("its output is piped"));
        Oracle { child, questions, answers }
    }

    pub fn send(&mut self, text: &str, document: &Value) {
        let question = Value::array([Value::from(text), document.clone()]);
        let question = question.to_json().expect("documents are shallow");
        writeln!(self.questions, "{question}").expect("java listens");
    }

    pub fn receive(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("java answers");
        Value::parse(&line).unwrap_or_else(|error| panic!("an answer is JSON: {error}: {line:?}"))
    }

    pub fn ask(&mut self, text: &str, document: &Value) -> Value {
        self.send(text, document);
        self.questions.flush().expect("java listens");
        self.receive()
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
