/** The size of an element as it changes, in CSS pixels. */

import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

export interface Size {
  readonly width: number;
  readonly height: number;
}

export function useSize<Box extends HTMLElement>(): [RefObject<Box | null>, Signal<Size>] {
  const element = useRef<Box>(null);
  const size = useSignal<Size>({ width: 0, height: 0 });
  useEffect(() => {
    const watched = element.current;
    if (watched === null) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry === undefined) return;
      const { width, height } = entry.contentRect;
      size.value = { width: Math.round(width), height: Math.round(height) };
    });
    observer.observe(watched);
    return () => observer.disconnect();
  }, [size]);
  return [element, size];
}
