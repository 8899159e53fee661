//! The files of one log group: lines go to the last one, and now and then a new one begins.
//!
//! A file is named `NUMBER.YYYY-MM-DD-HH.jsonl`: eight digits that rise by one from file to file, so
//! that the order of names is the order of time, and the hour (UTC) in which it was begun. A new
//! file begins where a line would make the last one larger than `file_bytes_max`, or where it is
//! older than `file_age_max`; then files beyond the newest `files_max` are deleted. After a restart
//! the last file is gone on with. A line that a crash left unfinished is cut off first.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use stepwell_model::Timestamp;

/// When files begin and how many are kept, for each log group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// How large a file may become, in bytes. A single line may be larger.
    pub file_bytes_max: u64,
    /// How old a file may become. Files are dated to the hour.
    pub file_age_max: Duration,
    /// How many files are kept, the one that is written included; at least 1.
    pub files_max: u64,
}

impl Default for Rotation {
    /// 64 MiB or a day for a file, and 16 files: a gibibyte for a group at most.
    fn default() -> Rotation {
        Rotation {
            file_bytes_max: 64 * 1024 * 1024,
            file_age_max: Duration::from_secs(24 * 60 * 60),
            files_max: 16,
        }
    }
}

/// From how many bytes on lines are handed to the operating system without waiting for a flush.
const PENDING_BYTES_MAX: usize = 256 * 1024;

/// How long after a failure nothing is written, so that a full disk is not asked for each line.
const PAUSE: Duration = Duration::from_secs(1);

/// The files of one log group.
pub(crate) struct GroupFiles {
    folder: PathBuf,
    rotation: Rotation,
    last: Option<LastFile>,
    pending: String,
    pending_lines: u64,
    /// Until when nothing is written because it failed.
    paused_until: Timestamp,
}

/// The file that is written.
struct LastFile {
    file: File,
    number: u64,
    begun_at: Timestamp,
    /// How long it is, what is pending not included.
    bytes: u64,
}

/// Lines that could not be written.
#[derive(Debug)]
pub(crate) struct NotWritten {
    pub(crate) folder: PathBuf,
    pub(crate) lines: u64,
    /// Why; `None` for those that were dropped because others could not be written just before.
    pub(crate) why: Option<io::Error>,
}

impl GroupFiles {
    pub(crate) fn new(folder: PathBuf, rotation: Rotation) -> GroupFiles {
        GroupFiles {
            folder,
            rotation,
            last: None,
            pending: String::new(),
            pending_lines: 0,
            paused_until: Timestamp::default(),
        }
    }

    /// Takes in a line, which has no end yet.
    pub(crate) fn append(&mut self, line: &str, now: Timestamp) -> Result<(), NotWritten> {
        // A clock that was put back must not make the pause longer.
        if now < self.paused_until && self.paused_until.since(now) <= PAUSE {
            return Err(NotWritten { folder: self.folder.clone(), lines: 1, why: None });
        }
        let mut result = Ok(());
        let bytes = self.last.as_ref().map_or(0, |last| last.bytes) + self.pending.len() as u64;
        let is_full = bytes > 0 && bytes + line.len() as u64 + 1 > self.rotation.file_bytes_max;
        let is_old =
            self.last.as_ref().is_some_and(|last| now.since(last.begun_at) >= self.rotation.file_age_max);
        if is_full || is_old {
            result = self.flush(now);
            self.last = match result {
                Ok(()) => self.begin_next(now),
                Err(_) => None,
            };
        }
        self.pending.push_str(line);
        self.pending.push('\n');
        self.pending_lines += 1;
        if self.pending.len() >= PENDING_BYTES_MAX {
            result = result.and(self.flush(now));
        }
        result
    }

    /// A new file behind the last one; `None` if it cannot be made now, which the next flush tells.
    fn begin_next(&self, now: Timestamp) -> Option<LastFile> {
        let number = self.last.as_ref().map_or(0, |last| last.number + 1);
        self.create(number, now).ok()
    }

    /// Hands what is pending to the operating system. After an error it is gone.
    pub(crate) fn flush(&mut self, now: Timestamp) -> Result<(), NotWritten> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let written = self.write_pending(now);
        let lines = std::mem::take(&mut self.pending_lines);
        self.pending.clear();
        self.pending.shrink_to(2 * PENDING_BYTES_MAX);
        written.map_err(|why| {
            // It may end within a line; opened again, it is mended.
            self.last = None;
            self.paused_until = now.after(PAUSE);
            NotWritten { folder: self.folder.clone(), lines, why: Some(why) }
        })
    }

    fn write_pending(&mut self, now: Timestamp) -> io::Result<()> {
        let last = match self.last.take() {
            Some(last) => last,
            None => self.open(now)?,
        };
        let last = self.last.insert(last);
        last.file.write_all(self.pending.as_bytes())?;
        last.bytes += self.pending.len() as u64;
        Ok(())
    }

    /// The file to go on with: the last one there is, if the pending lines may go there.
    fn open(&self, now: Timestamp) -> io::Result<LastFile> {
        fs::create_dir_all(&self.folder)?;
        let Some((number, begun_at, path)) = self.files()?.pop() else { return self.create(1, now) };
        let mut file = OpenOptions::new().read(true).append(true).open(path)?;
        let bytes = mend(&mut file)?;
        let has_room = bytes == 0 || bytes + self.pending.len() as u64 <= self.rotation.file_bytes_max;
        if has_room && now.since(begun_at) < self.rotation.file_age_max {
            return Ok(LastFile { file, number, begun_at, bytes });
        }
        self.create(number + 1, now)
    }

    fn create(&self, number: u64, now: Timestamp) -> io::Result<LastFile> {
        let moment = now.to_rfc3339();
        let (day, hour) = (&moment[..10], &moment[11..13]);
        let path = self.folder.join(format!("{number:08}.{day}-{hour}.jsonl"));
        let file = OpenOptions::new().append(true).create_new(true).open(path)?;
        let oldest_kept = (number + 1).saturating_sub(self.rotation.files_max.max(1));
        for (_, _, path) in self.files()?.into_iter().filter(|(number, ..)| *number < oldest_kept) {
            // One that stays is tried again with the next file.
            let _ = fs::remove_file(path);
        }
        Ok(LastFile { file, number, begun_at: now, bytes: 0 })
    }

    /// The files that are ours, oldest first: number, when begun, path.
    fn files(&self) -> io::Result<Vec<(u64, Timestamp, PathBuf)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if let Some((number, begun_at)) = read_name(&path) {
                files.push((number, begun_at, path));
            }
        }
        files.sort();
        Ok(files)
    }
}

/// Number and hour out of the name of a file; `None` for what is not ours.
fn read_name(path: &Path) -> Option<(u64, Timestamp)> {
    let (number, rest) = path.file_name()?.to_str()?.split_once('.')?;
    let hour = rest.strip_suffix(".jsonl")?;
    let (day, hour) = (hour.get(..10)?, hour.get(10..)?.strip_prefix('-')?);
    let digits = number.len() >= 8 && number.bytes().all(|byte| byte.is_ascii_digit());
    let begun_at = Timestamp::parse_rfc3339(&format!("{day}T{hour}:00:00Z"))?;
    Some((number.parse().ok().filter(|_| digits)?, begun_at))
}

/// Cuts off what follows the last end of a line; how long the file is then.
fn mend(file: &mut File) -> io::Result<u64> {
    const BLOCK_BYTES: u64 = 64 * 1024;
    let bytes = file.metadata()?.len();
    let mut end = bytes;
    let mut block = Vec::new();
    while end > 0 {
        let from = end.saturating_sub(BLOCK_BYTES);
        block.clear();
        file.seek(SeekFrom::Start(from))?;
        file.take(end - from).read_to_end(&mut block)?;
        if let Some(at) = block.iter().rposition(|byte| *byte == b'\n') {
            end = from + at as u64 + 1;
            break;
        }
        end = from;
    }
    if end < bytes {
        file.set_len(end)?;
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    /// 2026-11-22T10:20:30Z
    const NOW: Timestamp = Timestamp::from_epoch_ms(1_795_342_830_000);

    fn rotation(file_bytes_max: u64, files_max: u64) -> Rotation {
        Rotation { file_bytes_max, files_max, file_age_max: 24 * HOUR }
    }

    /// Every file by its name, with what is in it.
    fn content(folder: &Path) -> Vec<(String, String)> {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        files.sort();
        files
    }

    fn write(group: &mut GroupFiles, lines: &[&str], now: Timestamp) {
        for line in lines {
            group.append(line, now).unwrap();
        }
        group.flush(now).unwrap();
    }

    #[test]
    fn a_file_ends_where_the_next_line_would_make_it_too_large() {
        let folder = tempfile::tempdir().unwrap();
        let mut group = GroupFiles::new(folder.path().join("g"), rotation(10, 9));
        write(&mut group, &["1234", "5678"], NOW);
        write(&mut group, &["9", "longer than a file may be", "10"], NOW);
        let names_and_lines = content(&folder.path().join("g"));
        let expected = [
            ("00000001.2026-11-22-10.jsonl", "1234\n5678\n"),
            ("00000002.2026-11-22-10.jsonl", "9\n"),
            ("00000003.2026-11-22-10.jsonl", "longer than a file may be\n"),
            ("00000004.2026-11-22-10.jsonl", "10\n"),
        ];
        assert_eq!(names_and_lines, expected.map(|(name, lines)| (name.to_owned(), lines.to_owned())));
    }

    #[test]
    fn only_the_newest_files_are_kept_and_only_ours_are_deleted() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("00000000.notes.txt"), "mine").unwrap();
        fs::write(folder.path().join("0.2026-11-22-10.jsonl"), "mine").unwrap();
        let mut group = GroupFiles::new(folder.path().to_owned(), rotation(1, 3));
        write(&mut group, &["1", "2", "3", "4", "5"], NOW);
        let names: Vec<String> = content(folder.path()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "0.2026-11-22-10.jsonl",
                "00000000.notes.txt",
                "00000003.2026-11-22-10.jsonl",
                "00000004.2026-11-22-10.jsonl",
                "00000005.2026-11-22-10.jsonl",
            ]
        );
    }

    #[test]
    fn a_file_that_is_too_old_is_followed_by_another_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut group = GroupFiles::new(folder.path().to_owned(), rotation(1_000, 9));
        write(&mut group, &["1"], NOW);
        write(&mut group, &["2"], NOW.after(23 * HOUR));
        write(&mut group, &["3"], NOW.after(24 * HOUR));
        let again = || GroupFiles::new(folder.path().to_owned(), rotation(1_000, 9));
        write(&mut again(), &["4"], NOW.after(25 * HOUR));
        write(&mut again(), &["5"], NOW.after(49 * HOUR));
        let expected = [
            ("00000001.2026-11-22-10.jsonl", "1\n2\n"),
            ("00000002.2026-11-23-10.jsonl", "3\n4\n"),
            ("00000003.2026-11-24-11.jsonl", "5\n"),
        ];
        assert_eq!(content(folder.path()), expected.map(|(name, lines)| (name.to_owned(), lines.to_owned())));
    }

    #[test]
    fn a_line_that_a_crash_left_unfinished_is_cut_off() {
        let long = "x".repeat(200_000);
        for (left, kept) in [
            ("", ""),
            ("a\nb\n", "a\nb\n"),
            ("a\nb", "a\n"),
            ("torn", ""),
            (&*format!("a\n{long}"), "a\n"),
            (&*long, ""),
        ] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("00000007.2026-11-22-10.jsonl"), left).unwrap();
            let mut group = GroupFiles::new(folder.path().to_owned(), rotation(1_000, 9));
            write(&mut group, &["next"], NOW);
            let expected = ("00000007.2026-11-22-10.jsonl".to_owned(), format!("{kept}next\n"));
            assert_eq!(content(folder.path()), [expected]);
        }
    }

    #[test]
    fn what_cannot_be_written_is_counted_and_tried_again_later() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("g");
        fs::write(&blocked, "a file where the folder should be").unwrap();
        let mut group = GroupFiles::new(blocked.clone(), rotation(1_000, 9));
        group.append("1", NOW).unwrap();
        group.append("2", NOW).unwrap();
        let trouble = group.flush(NOW).unwrap_err();
        assert_eq!((trouble.lines, trouble.why.is_some()), (2, true));
        let trouble = group.append("3", NOW).unwrap_err();
        assert_eq!((trouble.lines, trouble.why.is_some()), (1, false));
        fs::remove_file(&blocked).unwrap();
        write(&mut group, &["4"], NOW.after(PAUSE));
        assert_eq!(content(&blocked)[0].1, "4\n");
    }
}
