/**
 * The figures of a comparison as one SVG picture: a panel for each unit of each section, in it a
 * line for each row, on that a dot for the median of each side and a bar from its minimum to its
 * maximum.
 *
 * @module
 */

import type { Row, Section, Side } from "./row.ts";
import { significant } from "./table.ts";

/** Pixels. */
const WIDTH = 860;
const LABELS = 300;
const RIGHT = 40;
const TITLE = 44;
const LINE = 30;
const AXIS = 48;
const LEGEND = 36;
const PLOT = WIDTH - LABELS - RIGHT;
/** Ours a little above the peer's on a row's line. */
const OFFSET = 5;

/** A browser that prefers dark pages shows it in light on dark. */
const STYLE = `
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 14px; }
.small { font-size: 11px; fill: #59636e; }
.grid { stroke: #d1d9e0; stroke-width: 1; }
.ours { stroke: #0969da; fill: #0969da; }
.peer { stroke: #bc4c00; fill: #bc4c00; }
.page { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .small { fill: #9198a1; }
  .grid { stroke: #3d444d; }
  .ours { stroke: #4493f8; fill: #4493f8; }
  .peer { stroke: #f0883e; fill: #f0883e; }
  .page { fill: #0d1117; }
}`;

/** The rows of a section that have a unit in common, and so an axis. */
interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly rows: readonly Row[];
}

/** The picture of these sections; `caption` says when and on what they were measured. */
export function plotSvg(sections: readonly Section[], caption: string): string {
  const panels = sections.flatMap(panelsOf);
  let top = LEGEND;
  const parts: string[] = [];
  for (const panel of panels) {
    parts.push(panelSvg(panel, top));
    top += panelHeight(panel);
  }
  const height = top + LEGEND;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" ` +
    `width="${WIDTH}" height="${height}" role="img">\n<style>${STYLE}\n</style>\n` +
    `<rect class="page" width="${WIDTH}" height="${height}"/>\n${legend()}\n${parts.join("\n")}\n` +
    `${text(16, height - 12, caption, "small")}\n</svg>\n`;
}

function panelsOf({ title, rows }: Section): Panel[] {
  const units = [...new Set(rows.map(({ unit }) => unit))];
  return units.map((unit) => ({ title, unit, rows: rows.filter((row) => row.unit === unit) }));
}

function panelHeight({ rows }: Panel): number {
  return TITLE + rows.length * LINE + AXIS;
}

function panelSvg({ title, unit, rows }: Panel, top: number): string {
  const most = Math.max(...rows.flatMap(({ ours, peer }) => [ours.max, peer?.max ?? 0]));
  const step = niceStep(most / 5);
  const end = Math.max(step, Math.ceil(most / step) * step);
  const x = (value: number): number => LABELS + PLOT * value / end;
  const first = top + TITLE;
  const bottom = first + rows.length * LINE;
  const parts = [text(16, top + 26, title, "title")];
  for (let tick = 0; tick <= end + step / 2; tick += step) {
    parts.push(
      `<line class="grid" x1="${px(x(tick))}" y1="${first}" x2="${px(x(tick))}" y2="${bottom}"/>`,
      text(x(tick), bottom + 16, String(Number(tick.toPrecision(6))), "small", "middle"),
    );
  }
  parts.push(text(LABELS + PLOT / 2, bottom + 34, unit, "small", "middle"));
  rows.forEach(({ name, ours, peer }, i) => {
    const y = first + (i + 0.5) * LINE;
    parts.push(text(LABELS - 12, y + 4, name, "", "end"), rangeSvg(ours, "ours", y - OFFSET, x));
    if (peer !== null) parts.push(rangeSvg(peer, "peer", y + OFFSET, x));
  });
  return parts.join("\n");
}

/** Who points at it is told the figures. */
function rangeSvg(side: Side, kind: string, y: number, x: (value: number) => number): string {
  const { name, median, min, max } = side;
  const figures = `${name}: ${significant(median)} (${significant(min)} to ${significant(max)})`;
  return `<g class="${kind}"><title>${escaped(figures)}</title>` +
    `<line x1="${px(x(min))}" y1="${y}" x2="${px(x(max))}" y2="${y}" stroke-width="3" ` +
    `stroke-opacity="0.45"/><circle cx="${px(x(median))}" cy="${y}" r="4.5"/></g>`;
}

function legend(): string {
  const sides = [["ours", "ukdeno"], ["peer", "the peer that the table names"]];
  return sides.map(([kind, label], i) =>
    `<circle class="${kind}" cx="${24 + i * 100}" cy="18" r="4.5"/>` +
    text(36 + i * 100, 22, label, "")
  ).join("\n") + text(WIDTH - 16, 22, "dot: median, bar: minimum to maximum", "small", "end");
}

/** 1, 2 or 5 times a power of ten, at least this. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least > 0 ? least : 1));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least) ?? power;
}

function text(x: number, y: number, content: string, kind: string, anchor = "start"): string {
  const attributes = kind === "" ? "" : ` class="${kind}"`;
  return `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}"${attributes}>` +
    `${escaped(content)}</text>`;
}

function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
