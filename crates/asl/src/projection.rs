use crate::{Event, Origin};
use stepwell_model::HistoryEvent;
/// The history event that AWS would show for `event`; `None` for what it does not show.
pub fn project(event: &Event, origin: &Origin) -> Option<HistoryEvent> { panic!() }
