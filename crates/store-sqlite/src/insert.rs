//! INSERTs of many rows: several at a time, as long as there are so many.
//!
//! Each run of a statement opens its table and all of the table's indexes, and looks for the place of its
//! row from their roots. With several rows in one statement that is paid once for all of them, and a row
//! that comes behind the one before it is put there at once.

use std::sync::OnceLock;

use rusqlite::{CachedStatement, Connection, Result, ToSql};

/// How many rows a statement takes where there are so many.
const ROWS: usize = 8;

/// An INSERT into a table.
pub(crate) struct Insert {
    /// Up to the values.
    into: &'static str,
    columns: usize,
    one: OnceLock<String>,
    several: OnceLock<String>,
}

impl Insert {
    /// `into` is the statement as far as the values, of which there are `columns` in each row. It should
    /// say `OR FAIL` where all is rolled back anyway if it fails: otherwise SQLite keeps a copy of each
    /// page to undo the rows before.
    pub const fn new(into: &'static str, columns: usize) -> Insert {
        Insert { into, columns, one: OnceLock::new(), several: OnceLock::new() }
    }

    /// Inserts these rows in their order; `put` puts the values of a row.
    pub fn all<T>(
        &self,
        connection: &Connection,
        rows: &[T],
        put: impl Fn(&T, &mut Values<'_>) -> Result<()>,
    ) -> Result<()> {
        let (groups, rest) = rows.as_chunks::<ROWS>();
        if !groups.is_empty() {
            let text = self.several.get_or_init(|| self.text(ROWS));
            let mut values = Values { statement: connection.prepare_cached(text)?, next: 1 };
            for group in groups {
                group.iter().try_for_each(|row| put(row, &mut values))?;
                values.insert()?;
            }
        }
        if !rest.is_empty() {
            let text = self.one.get_or_init(|| self.text(1));
            let mut values = Values { statement: connection.prepare_cached(text)?, next: 1 };
            for row in rest {
                put(row, &mut values)?;
                values.insert()?;
            }
        }
        Ok(())
    }

    fn text(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns].join(","));
        format!("{} VALUES {}", self.into, vec![row; rows].join(","))
    }
}

/// The values of a statement, as far as they are put.
pub(crate) struct Values<'a> {
    statement: CachedStatement<'a>,
    /// Counted from 1.
    next: usize,
}

impl Values<'_> {
    /// The value of the next column.
    pub fn put(&mut self, value: impl ToSql) -> Result<()> {
        self.statement.raw_bind_parameter(self.next, value)?;
        self.next += 1;
        Ok(())
    }

    fn insert(&mut self) -> Result<()> {
        self.next = 1;
        self.statement.raw_execute().map(drop)
    }
}
