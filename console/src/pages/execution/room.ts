/** How much of the window is left below the head of the page: what scrolls in itself takes that, and no more. */

import { useLayoutEffect, useRef, useState, type RefObject } from "react";

/** Less than this is no room to work in: then the page scrolls. */
const ROOM_MIN = 400;
const MARGIN_BELOW = 24;

export function useRoom(): [RefObject<HTMLDivElement | null>, number] {
  const place = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState(ROOM_MIN);
  useLayoutEffect(() => {
    const measure = () => {
      const top = (place.current?.getBoundingClientRect().top ?? 0) + window.scrollY;
      setRoom(Math.max(ROOM_MIN, Math.floor(window.innerHeight - top - MARGIN_BELOW)));
    };
    measure();
    // What is above grows when a cause is unfolded, comes and goes, and all around grows with it.
    const observer = new ResizeObserver(measure);
    if (place.current?.parentElement) observer.observe(place.current.parentElement);
    window.addEventListener("resize", measure);
    return () => {
      observer.disconnect();
      window.removeEventListener("resize", measure);
    };
  }, []);
  return [place, room];
}
