/** How much of the window is left below the head of the page, which is the element before: what scrolls in itself takes that, and no more. */

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
    // What is above grows when a cause is unfolded, comes and goes, and shrinks again where all around stays as high as the window.
    const observer = new ResizeObserver(measure);
    for (const around of [place.current?.parentElement, place.current?.previousElementSibling]) {
      if (around) observer.observe(around);
    }
    window.addEventListener("resize", measure);
    return () => {
      observer.disconnect();
      window.removeEventListener("resize", measure);
    };
  }, []);
  return [place, room];
}
