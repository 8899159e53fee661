//! What is evaluated, and on what.

use stepwell_value::Value;

/// Workloads of one kind, which share a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// A name, or a few, in a small document.
    SmallPath,
    /// `{...}` over a small document.
    Construction,
    /// A filter over 50 items.
    Filter,
    /// A step or a function for each of 50 items.
    Map,
    /// 50 items in an order.
    Sort,
    /// A path into a document of 256 KiB.
    LargePath,
    /// Functions, as states use them.
    Functions,
    /// The same with the input in `$states`, as it is in a state machine.
    StepFunctions,
}

impl Group {
    /// Every group, in the order of the table.
    pub const ALL: [Group; 8] = [
        Group::SmallPath,
        Group::Construction,
        Group::Filter,
        Group::Map,
        Group::Sort,
        Group::LargePath,
        Group::Functions,
        Group::StepFunctions,
    ];

    /// What it is called in the table.
    pub fn name(self) -> &'static str {
        match self {
            Group::SmallPath => "small paths",
            Group::Construction => "object construction",
            Group::Filter => "filter of 50 items",
            Group::Map => "map of 50 items",
            Group::Sort => "sort of 50 items",
            Group::LargePath => "path into 256 KiB",
            Group::Functions => "functions",
            Group::StepFunctions => "with $states",
        }
    }

    /// How many times faster than jsonata-core we want to be, if we have set ourselves a mark.
    pub fn mark(self) -> Option<f64> {
        match self {
            Group::SmallPath | Group::Construction => Some(3.0),
            Group::Filter | Group::Map | Group::Sort => Some(2.0),
            Group::LargePath => Some(20.0),
            Group::Functions | Group::StepFunctions => None,
        }
    }
}

/// An expression and its input.
pub struct Workload {
    pub group: Group,
    pub text: &'static str,
    pub input: Value,
    /// Whether the input is the variable `$states` rather than the context.
    pub is_bound: bool,
}

const SMALL: [(Group, &str); 17] = [
    (Group::SmallPath, "id"),
    (Group::SmallPath, "customer.name"),
    (Group::SmallPath, "customer.address.city"),
    (Group::SmallPath, "items[0].sku"),
    (Group::SmallPath, "items.sku"),
    (Group::Construction, r#"{"id": id, "total": total}"#),
    (
        Group::Construction,
        r#"{"id": id, "name": customer.name, "city": customer.address.city, "paid": paid, "total": total, "items": items}"#,
    ),
    (
        Group::Construction,
        r#"{"order": {"id": id, "gross": total * 1.19}, "to": {"name": customer.name, "zip": customer.address.zip}, "first": items[0].sku}"#,
    ),
    (Group::Construction, r#"items.{"sku": sku, "sum": price * quantity}"#),
    (Group::Functions, "$sum(items.(price * quantity))"),
    (Group::Functions, r#"$uppercase(customer.name) & " <" & $lowercase(id) & ">""#),
    (Group::Functions, r#"$join($map(items, function($i) { $i.sku & ":" & $i.quantity }), ", ")"#),
    (Group::Functions, r#"$merge([customer, {"tier": "gold", "visits": 3}])"#),
    (Group::Functions, r#"total > 100 and paid ? "ship" : "hold""#),
    (Group::Functions, r#"$substringBefore(customer.email, "@")"#),
    (
        Group::Functions,
        r#"($gross := $sum(items.(price * quantity)); $rate := 0.19; $round($gross * (1 + $rate), 2))"#,
    ),
    (Group::Functions, r#"$count(items[quantity > 1])"#),
];

const FIFTY: [(Group, &str); 12] = [
    (Group::Filter, "items[price > 100]"),
    (Group::Filter, r#"items[price > 100 and category = "tools"].sku"#),
    (Group::Filter, "$filter(items, function($i) { $i.price > 100 })"),
    (Group::Map, "items.price"),
    (Group::Map, "items.(price * quantity)"),
    (Group::Map, r#"items.{"sku": sku, "sum": price * quantity}"#),
    (Group::Map, "$map(items, function($i) { $i.price * $i.quantity })"),
    (Group::Sort, "items^(price)"),
    (Group::Sort, "items^(category, >price).sku"),
    (Group::Sort, "$sort(items, function($a, $b) { $a.price > $b.price })"),
    (Group::Functions, "$sum(items.(price * quantity))"),
    (Group::Functions, "items{category: $sum(price)}"),
];

const LARGE: [(Group, &str); 3] = [
    (Group::LargePath, "batch.source.region"),
    (Group::LargePath, "orders[700].customer.address.city"),
    (Group::LargePath, r#"{"region": batch.source.region, "last": orders[-1].id}"#),
];

const BOUND: [(Group, &str); 6] = [
    (Group::StepFunctions, "$states.input.customer.address.city"),
    (
        Group::StepFunctions,
        r#"{"id": $states.input.id, "gross": $states.input.total * 1.19, "for": $states.input.customer.name}"#,
    ),
    (Group::StepFunctions, "$states.input.items[price > 30].sku"),
    (Group::StepFunctions, "$sum($states.input.items.(price * quantity))"),
    (Group::StepFunctions, r#"$merge([$states.input, {"state": "PAID", "attempts": 1}])"#),
    // What each state of the load generator's W6 does.
    (
        Group::StepFunctions,
        r#"{"order": $states.input.id, "customer": $states.input.customer.name, "total": $sum($states.input.items.(price * quantity)) + 1.5, "label": "order " & $states.input.id & " of " & $states.input.customer.name, "large": $states.input.items[price > 10].sku, "items": $states.input.items}"#,
    ),
];

/// Every workload, in the order of the table.
pub fn all() -> Vec<Workload> {
    let small = order(0, 3);
    let fifty = order(1, 50);
    let large = large();
    let states = Value::object([("input", small.clone())]);
    let mut all = Vec::new();
    let mut add = |list: &[(Group, &'static str)], input: &Value, is_bound| {
        let workload = |&(group, text)| Workload { group, text, input: input.clone(), is_bound };
        all.extend(list.iter().map(workload));
    };
    add(&SMALL, &small, false);
    add(&FIFTY, &fifty, false);
    add(&LARGE, &large, false);
    add(&BOUND, &states, true);
    all.sort_by_key(|workload| Group::ALL.iter().position(|group| *group == workload.group));
    all
}

fn parsed(text: &str) -> Value {
    Value::parse(text).expect("what is written here is JSON")
}

/// Order number n with so many items. Prices go up and down, and some have cents.
fn order(n: usize, items: usize) -> Value {
    let categories = ["tools", "garden", "kitchen", "books", "paint"];
    let items: Vec<String> = (0..items)
        .map(|at| {
            let cents = (at * 4_421 + n * 104_729) % 20_011;
            format!(
                r#"{{"sku":"sku-{at:04}","category":"{}","price":{}.{:02},"quantity":{}}}"#,
                categories[at % categories.len()],
                cents / 100,
                cents % 100,
                at % 4 + 1
            )
        })
        .collect();
    parsed(&format!(
        r#"{{"id":"O-{n:06}","customer":{{"name":"Ada Lovelace","email":"ada@example.com","address":{{"street":"12 St James's Square","city":"London","zip":"SW1Y 4JH"}}}},"paid":true,"total":{}.5,"items":[{}]}}"#,
        120 + n,
        items.join(",")
    ))
}

/// A document of 256 KiB: orders by the hundred, and something beside them.
fn large() -> Value {
    let batch = parsed(r#"{"id":"b-17","source":{"region":"eu-central-1","queue":"orders"}}"#);
    let mut orders = Vec::new();
    let mut bytes = batch.to_string().len();
    while bytes < 256 * 1024 {
        let order = order(orders.len(), 1);
        bytes += order.to_string().len() + 1;
        orders.push(order);
    }
    Value::object([("orders", Value::array(orders)), ("batch", batch)])
}
