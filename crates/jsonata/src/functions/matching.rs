//! Functions that match: against a string, a regular expression, or a function that finds matches.
//!
//! To the language a regular expression is a function of a string, which gives an object with the
//! match, its place, its groups, and `next`, a function that gives the next one. Any function that
//! does the same will do.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use stepwell_value::Value;

use super::{Call, Function};
use crate::error::{Raised, Step};
use crate::evaluate::Evaluator;
use crate::item::{Item, ListBuilder, Members, Record, mark};
use crate::json;
use crate::regex::Pattern;

/// A regular expression as a function.
#[derive(Debug)]
pub(crate) struct Matcher {
    pattern: Arc<Pattern>,
    position: usize,
    /// Where the next search begins, in bytes. It is the expression's and not the match's, as in
    /// JavaScript, so a search within a search moves it.
    from: Cell<usize>,
}

/// The function that finds the next match.
#[derive(Debug)]
pub(crate) struct NextMatch {
    matcher: Rc<Matcher>,
    text: Arc<str>,
}

impl Matcher {
    pub fn new(pattern: Arc<Pattern>, position: usize) -> Matcher {
        Matcher { pattern, position, from: Cell::new(0) }
    }
}

/// One match.
enum Hit {
    Regex {
        matcher: Rc<Matcher>,
        text: Arc<str>,
        start: usize,
        end: usize,
        groups: Vec<Option<Arc<str>>>,
    },
    /// What a function gave, whatever it is.
    Object(Item),
}

/// How many UTF-16 units a text has.
fn units(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

/// The byte at which so many UTF-16 units end.
fn byte_of(text: &str, units: f64) -> usize {
    if units.is_nan() || units <= 0.0 {
        return 0;
    }
    let mut seen = 0.0;
    for (at, character) in text.char_indices() {
        if seen >= units {
            return at;
        }
        seen += character.len_utf16() as f64;
    }
    text.len()
}

/// A value as a search sees it: JavaScript makes a string of anything.
fn subject(item: &Item, evaluator: &mut Evaluator<'_>) -> Step<Arc<str>> {
    Ok(match item {
        Item::Undefined => "undefined".into(),
        Item::Value(Value::String(text)) => text.clone(),
        Item::Value(Value::Null) => "null".into(),
        Item::Value(Value::Bool(truth)) => truth.to_string().into(),
        Item::Value(Value::Number(number)) => json::number(number.as_f64()).into(),
        Item::Strange(number) => json::number(*number).into(),
        Item::Value(Value::Object(_)) | Item::Record(_) => "[object Object]".into(),
        Item::Function(function) if function.is_object() => "[object Object]".into(),
        Item::Value(Value::Array(_)) | Item::List(_) => {
            let mut texts = Vec::new();
            for index in 0..item.array_len().unwrap_or(0) {
                texts.push(match item.at(index) {
                    Item::Undefined | Item::Value(Value::Null) => "".into(),
                    item => subject(&item, evaluator)?,
                });
                evaluator.foresee(texts.last().map_or(0, |text: &Arc<str>| text.len()) + 64)?;
            }
            let bytes: usize = texts.iter().map(|text| text.len() + 1).sum();
            evaluator.foresee(bytes)?;
            texts.join(",").into()
        }
        Item::Function(_) => return Err(Raised::index("T0410", 1, item.shown())),
    })
}

impl Evaluator<'_> {
    fn search(&mut self, matcher: &Rc<Matcher>, text: &Arc<str>, from: usize) -> Step<Option<Hit>> {
        // How far a search looks cannot be seen from outside: usually no farther than its match, at
        // worst over the whole rest. The first search of a text pays for the worst; that of later ones
        // is left to the caller's clock.
        let rest = text.len().saturating_sub(from);
        let worst = matcher.pattern.cost(rest);
        self.spend(4 + if from == 0 { worst } else { worst / 128 })?;
        self.hasten(worst / 16)?;
        if from > text.len() || !text.is_char_boundary(from) {
            matcher.from.set(0);
            return Ok(None);
        }
        let Some(captures) = matcher.pattern.regex.captures_at(text, from) else {
            matcher.from.set(0);
            return Ok(None);
        };
        let whole = captures.get(0).map_or(0..0, |whole| whole.range());
        self.spend((whole.end - from) as u64 / 16)?;
        matcher.from.set(whole.end);
        let groups =
            captures.iter().skip(1).map(|group| group.map(|group| Arc::from(group.as_str()))).collect();
        let (matcher, text) = (matcher.clone(), text.clone());
        Ok(Some(Hit::Regex { matcher, text, start: whole.start, end: whole.end, groups }))
    }

    fn search_next(&mut self, matcher: &Rc<Matcher>, text: &Arc<str>) -> Step<Option<Hit>> {
        let from = matcher.from.get();
        if from >= text.len() {
            return Ok(None);
        }
        let next = self.search(matcher, text, from)?;
        if let Some(Hit::Regex { start, end, .. }) = &next
            && start == end
        {
            let mut raised = Raised::value("D1004", Some(matcher.pattern.source.as_str().into()));
            raised.position = Some(matcher.position);
            return Err(raised);
        }
        Ok(next)
    }

    /// The first match that a function finds.
    fn first_match(&mut self, function: &Function, text: &Arc<str>, call: &Call<'_>) -> Step<Option<Hit>> {
        let mut inner = function;
        while let Function::Wrapped(wrapped) = inner {
            inner = wrapped;
        }
        if let Function::Matcher(matcher) = inner {
            return self.search(matcher, text, 0);
        }
        let found = self.apply(
            function,
            vec![Item::Value(Value::String(text.clone()))],
            call.input,
            call.frame,
            None,
        )?;
        checked(found)
    }

    fn next_match(&mut self, hit: &Hit, call: &Call<'_>) -> Step<Option<Hit>> {
        match hit {
            Hit::Regex { matcher, text, .. } => self.search_next(matcher, text),
            Hit::Object(object) => match object.member("next") {
                Item::Function(next) => {
                    let found = self.apply(&next, vec![Item::Undefined], call.input, call.frame, None)?;
                    checked(found)
                }
                _ => Err(Raised::new("T1010")),
            },
        }
    }

    /// A regular expression called as a function.
    pub(crate) fn match_text(&mut self, matcher: &Rc<Matcher>, args: &[Item]) -> Step<Item> {
        let text = subject(args.first().unwrap_or(&Item::Undefined), self)?;
        // A second argument is where the search begins; a higher-order function gives its index.
        let from = args.get(1).and_then(Item::as_number).map_or(0, |from| match from {
            from if from > text.len() as f64 => text.len() + 1,
            from => byte_of(&text, from.trunc()),
        });
        let hit = self.search(matcher, &text, from)?;
        self.hit_object(hit)
    }

    /// `next` of a match called as a function.
    pub(crate) fn match_next(&mut self, next: &Rc<NextMatch>) -> Step<Item> {
        let hit = self.search_next(&next.matcher, &next.text)?;
        self.hit_object(hit)
    }

    /// A match as the language sees it.
    fn hit_object(&mut self, hit: Option<Hit>) -> Step<Item> {
        let Some(hit) = hit else { return Ok(Item::Undefined) };
        let Hit::Regex { matcher, text, start, end, groups } = hit else {
            let Hit::Object(object) = hit else { return Ok(Item::Undefined) };
            return Ok(object);
        };
        self.spend(start as u64 / 256)?;
        let before = units(&text[..start]);
        let mut members = Members::default();
        members.insert("match".into(), self.text(text[start..end].to_owned())?);
        members.insert("start".into(), Item::count(before));
        members.insert("end".into(), Item::count(before + units(&text[start..end])));
        members.insert("groups".into(), self.group_list(&groups)?);
        let next = NextMatch { matcher, text };
        members.insert("next".into(), Item::Function(Function::Next(Rc::new(next))));
        Ok(Item::Record(Record::new(members, &self.meter)?))
    }

    fn group_list(&mut self, groups: &[Option<Arc<str>>]) -> Step<Item> {
        let mut builder = ListBuilder::with_room(&self.meter, groups.len())?;
        for group in groups {
            builder.push(match group {
                Some(text) => self.text(text.to_string())?,
                None => Item::Undefined,
            })?;
        }
        builder.finish(0)
    }
}

/// What a function gave for a match: nothing, or something that looks like one.
fn checked(found: Item) -> Step<Option<Hit>> {
    if found.is_undefined() {
        return Ok(None);
    }
    let fits = found.member("start").as_number().is_some()
        || found.member("end").as_number().is_some()
        || found.member("groups").is_array()
        || matches!(found.member("next"), Item::Function(_));
    if found.is_truthy() && !fits {
        return Err(Raised::new("T1010"));
    }
    Ok(Some(Hit::Object(found)))
}

pub(super) fn contains(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    evaluator.spend(text.len() as u64 / 64)?;
    Ok(Item::bool(match call.arg(1) {
        Item::Function(function) => evaluator.first_match(function, &text, &call)?.is_some(),
        // A missing token is the word for it in JavaScript.
        Item::Undefined => return Err(Raised::index("T0410", 2, None)),
        _ => text.contains(&*call.text(1)?.unwrap_or_default()),
    }))
}

fn limit_of(call: &Call<'_>, index: usize, code: &'static str) -> Step<f64> {
    match call.number(index)? {
        None => Ok(f64::INFINITY),
        Some(limit) if limit < 0.0 => Err(Raised::index(code, index + 1, call.arg(index).shown())),
        Some(limit) => Ok(limit),
    }
}

pub(super) fn matches(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    let limit = limit_of(&call, 2, "D3040")?;
    let Some(function) = call.function(1)? else { return Err(Raised::index("T0410", 2, None)) };
    let mut builder = ListBuilder::new(&evaluator.meter);
    if limit <= 0.0 || limit.is_nan() {
        return builder.finish(mark::SEQUENCE);
    }
    let mut count = 0.0;
    // A place in bytes and the same in UTF-16 units.
    let mut known = (0, 0);
    let mut hit = evaluator.first_match(&function, &text, &call)?;
    while let Some(found) = hit.take()
        && count < limit
    {
        let mut members = Members::default();
        match &found {
            Hit::Regex { text, start, end, groups, .. } => {
                let from = if known.0 <= *start { known } else { (0, 0) };
                known = (*start, from.1 + units(&text[from.0..*start]));
                members.insert("match".into(), evaluator.text(text[*start..*end].to_owned())?);
                members.insert("index".into(), Item::count(known.1));
                members.insert("groups".into(), evaluator.group_list(groups)?);
            }
            Hit::Object(object) => {
                members.insert("match".into(), object.member("match"));
                members.insert("index".into(), object.member("start"));
                members.insert("groups".into(), object.member("groups"));
            }
        }
        builder.push(Item::Record(Record::new(members, &evaluator.meter)?))?;
        hit = evaluator.next_match(&found, &call)?;
        count += 1.0;
    }
    builder.finish(mark::SEQUENCE)
}

pub(super) fn split(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    let limit = limit_of(&call, 2, "D3020")?;
    let mut builder = ListBuilder::new(&evaluator.meter);
    if limit <= 0.0 || limit.is_nan() {
        return builder.finish(0);
    }
    let function = match call.arg(1) {
        Item::Function(function) => function.clone(),
        Item::Undefined => {
            // Without a separator the whole is the only part.
            builder.push(Item::Value(Value::String(text)))?;
            return builder.finish(0);
        }
        _ => {
            let separator = call.text(1)?.unwrap_or_default();
            // The limit is a whole number of 32 bits here: a fraction below one is none, and so is an
            // infinite one.
            let most = match call.number(2)? {
                None => usize::MAX,
                Some(limit) if limit.is_infinite() => 0,
                Some(limit) => (limit.trunc() % 4_294_967_296.0) as usize,
            };
            let call_room = if separator.is_empty() { text.len() } else { 0 };
            evaluator.spend(text.len() as u64 / 16 + call_room as u64)?;
            if separator.is_empty() {
                for character in text.chars().take(most) {
                    builder.push(Item::Value(Value::String(character.to_string().into())))?;
                }
            } else {
                for part in text.split(&*separator).take(most) {
                    evaluator.spend(1)?;
                    builder.push(evaluator.text(part.to_owned())?)?;
                }
            }
            return builder.finish(0);
        }
    };
    let mut hit = evaluator.first_match(&function, &text, &call)?;
    if hit.is_none() {
        builder.push(Item::Value(Value::String(text)))?;
        return builder.finish(0);
    }
    let mut count = 0.0;
    let mut start = 0;
    while let Some(found) = hit.take()
        && count < limit
    {
        let (from, to) = bounds(&found, &text);
        builder.push(evaluator.text(between(&text, start, from).to_owned())?)?;
        start = to;
        hit = evaluator.next_match(&found, &call)?;
        count += 1.0;
    }
    if count < limit {
        builder.push(evaluator.text(text.get(start..).unwrap_or("").to_owned())?)?;
    }
    builder.finish(0)
}

/// Where a match begins and ends, in bytes.
fn bounds(hit: &Hit, text: &str) -> (usize, usize) {
    match hit {
        Hit::Regex { start, end, .. } => (*start, *end),
        Hit::Object(object) => {
            let place = |name: &str| byte_of(text, object.member(name).as_number().unwrap_or(f64::NAN));
            (place("start"), place("end"))
        }
    }
}

/// As `substring`: the ends may come in either order.
fn between(text: &str, a: usize, b: usize) -> &str {
    text.get(a.min(b)..a.max(b)).unwrap_or("")
}

pub(super) fn replace(evaluator: &mut Evaluator<'_>, call: Call<'_>) -> Step<Item> {
    let Some(text) = call.text(0)? else { return Ok(Item::Undefined) };
    if call.arg(1).as_str() == Some("") {
        return Err(Raised::index("D3010", 2, call.arg(1).shown()));
    }
    let limit = limit_of(&call, 3, "D3011")?;
    if limit <= 0.0 || limit.is_nan() {
        return Ok(call.arg(0).clone());
    }
    let mut out = String::new();
    let mut room = Room::default();
    let mut count = 0.0;
    let function = match call.arg(1) {
        Item::Function(function) => function.clone(),
        _ => {
            let pattern = call.text(1)?.unwrap_or_else(|| "undefined".into());
            // With a string to find, the reference joins whatever the replacement is to a string.
            let replacement = match call.arg(2) {
                Item::Function(_) => "".into(),
                other => subject(other, evaluator)?,
            };
            evaluator.spend(text.len() as u64 / 16)?;
            let mut position = 0;
            while count < limit
                && let Some(at) = text[position..].find(&*pattern)
            {
                room.ask(out.len() + at + replacement.len(), evaluator)?;
                out.push_str(&text[position..position + at]);
                out.push_str(&replacement);
                position += at + pattern.len();
                count += 1.0;
            }
            out.push_str(&text[position..]);
            return evaluator.text(out);
        }
    };
    let mut hit = evaluator.first_match(&function, &text, &call)?;
    if hit.is_none() {
        return Ok(call.arg(0).clone());
    }
    let mut position = 0;
    while let Some(found) = hit.take()
        && count < limit
    {
        let (from, _) = bounds(&found, &text);
        let skipped = between(&text, position, from);
        room.ask(out.len() + skipped.len(), evaluator)?;
        out.push_str(skipped);
        let matched = match &found {
            Hit::Regex { text, start, end, .. } => text[*start..*end].to_owned(),
            Hit::Object(object) => object.member("match").as_str().unwrap_or("").to_owned(),
        };
        match call.arg(2) {
            Item::Function(replacer) => {
                let replacer = replacer.clone();
                let hit_item = match &found {
                    Hit::Regex { matcher, text, start, end, groups } => {
                        let copy = Hit::Regex {
                            matcher: matcher.clone(),
                            text: text.clone(),
                            start: *start,
                            end: *end,
                            groups: groups.clone(),
                        };
                        evaluator.hit_object(Some(copy))?
                    }
                    Hit::Object(object) => object.clone(),
                };
                let with = evaluator.apply(&replacer, vec![hit_item], call.input, call.frame, None)?;
                match with.as_str() {
                    Some(with) => {
                        room.ask(out.len() + with.len(), evaluator)?;
                        out.push_str(with);
                    }
                    None => return Err(Raised::value("D3012", with.shown())),
                }
            }
            other => {
                let Some(template) = other.as_text().cloned() else {
                    return Err(Raised::index("T0410", 3, other.shown()));
                };
                let groups: Vec<Option<Arc<str>>> = match &found {
                    Hit::Regex { groups, .. } => groups.clone(),
                    Hit::Object(object) => {
                        let groups = object.member("groups");
                        (0..groups.array_len().unwrap_or(0))
                            .map(|at| groups.at(at).as_text().cloned())
                            .collect()
                    }
                };
                let mut filled = Filled { out: &mut out, room: &mut room, evaluator: &mut *evaluator };
                filled.substitute(&template, &matched, &groups)?;
            }
        }
        position = from + matched.len();
        count += 1.0;
        hit = evaluator.next_match(&found, &call)?;
    }
    out.push_str(text.get(position..).unwrap_or(""));
    evaluator.text(out)
}

/// Room for a string that grows: asked for in doubling amounts, so that a long one stays cheap.
#[derive(Default)]
struct Room {
    asked: usize,
}

impl Room {
    fn ask(&mut self, bytes: usize, evaluator: &mut Evaluator<'_>) -> Step<()> {
        evaluator.spend(1)?;
        if bytes > self.asked {
            self.asked = bytes.saturating_mul(2);
            evaluator.foresee(self.asked)?;
        }
        Ok(())
    }
}

/// A text that grows by what is put in for a match.
struct Filled<'f, 'e> {
    out: &'f mut String,
    room: &'f mut Room,
    evaluator: &'f mut Evaluator<'e>,
}

impl Filled<'_, '_> {
    fn push(&mut self, text: &str) -> Step<()> {
        self.room.ask(self.out.len() + text.len(), self.evaluator)?;
        self.out.push_str(text);
        Ok(())
    }

    /// Appends a replacement with `$0`, `$1` and so on filled in.
    fn substitute(&mut self, template: &str, matched: &str, groups: &[Option<Arc<str>>]) -> Step<()> {
        let mut position = 0;
        while let Some(at) = template[position..].find('$') {
            self.push(&template[position..position + at])?;
            position += at + 1;
            let rest = &template[position..];
            if rest.starts_with('$') {
                self.push("$")?;
                position += 1;
            } else if rest.starts_with('0') {
                self.push(matched)?;
                position += 1;
            } else {
                let digits_max = if groups.is_empty() {
                    1
                } else {
                    ((groups.len() as f64).ln() * std::f64::consts::LOG10_E).floor() as usize + 1
                };
                let digits = rest.bytes().take(digits_max).take_while(u8::is_ascii_digit).count();
                let mut index: Option<usize> = rest[..digits].parse().ok();
                if digits_max > 1 && index.is_some_and(|index| index > groups.len()) {
                    index = rest[..digits.min(digits_max - 1)].parse().ok();
                }
                match index {
                    Some(index) => {
                        let group =
                            index.checked_sub(1).and_then(|index| groups.get(index)).and_then(Option::as_ref);
                        self.push(group.map_or("", |group| group))?;
                        position += index.to_string().len();
                    }
                    None => self.push("$")?,
                }
            }
        }
        self.push(&template[position..])
    }
}
