// Keeps relative times fresh: <time datetime data-ago> says how long ago, <time datetime data-since> counts on.
// <time datetime data-clock> is put into the zone of whoever reads; "short" leaves out the date of today.
// The words are those of common/times.py; keep them alike.
(() => {
  "use strict";
  const MINUTE = 60;
  const HOUR = 3600;
  const DAY = 86400;
  const WEEK = 604800;
  const YEAR = 31536000;
  const two = (number) => String(number).padStart(2, "0");
  const whole = (number, size) => Math.floor(number / size);

  function durationWords(length) {
    const seconds = Math.max(0, Math.floor(length));
    if (length > 0 && length < 10 && length % 1) return `${length.toFixed(1)} s`;
    if (seconds < MINUTE) return `${seconds} s`;
    if (seconds < HOUR) return `${whole(seconds, MINUTE)} m ${two(seconds % MINUTE)} s`;
    if (seconds < DAY) return `${whole(seconds, HOUR)} h ${two(whole(seconds % HOUR, MINUTE))} m`;
    return `${whole(seconds, DAY)} d ${whole(seconds % DAY, HOUR)} h`;
  }

  function rounded(seconds) {
    if (seconds < MINUTE) return `${Math.floor(seconds)} s`;
    const steps = [["m", MINUTE, HOUR], ["h", HOUR, DAY], ["d", DAY, 9 * WEEK], ["w", WEEK, YEAR]];
    for (const [unit, size, below] of steps) if (seconds < below) return `${whole(seconds, size)} ${unit}`;
    return `${whole(seconds, YEAR)} y`;
  }

  function agoWords(seconds) {
    if (Math.abs(seconds) < 5) return "now";
    return seconds > 0 ? `${rounded(seconds)} ago` : `in ${rounded(-seconds)}`;
  }

  // The page says when it was made by the server's clock, so that a wrong clock here does not show.
  const made = Number(document.querySelector('meta[name="server-time"]')?.content) * 1000;
  const drift = made && Math.abs(Date.now() - made) > 5000 ? Date.now() - made : 0;

  function say(time, words) {
    if (time.textContent !== words) time.textContent = words;
  }

  function refresh() {
    if (document.hidden) return;
    const now = Date.now() - drift;
    for (const time of document.querySelectorAll("time[data-ago]")) say(time, agoWords((now - Date.parse(time.dateTime)) / 1000));
    // What counts on does so by whole seconds.
    for (const time of document.querySelectorAll("time[data-since]")) say(time, durationWords(Math.floor((now - Date.parse(time.dateTime)) / 1000)));
  }

  function clock(time) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) return;
    const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    const words = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
    const isToday = at.toDateString() === new Date().toDateString();
    say(time, time.dataset.clock === "short" && isToday ? words : `${date} ${words}`);
  }

  window.Octo.each((root) => root.querySelectorAll("time[data-clock]").forEach(clock));
  setInterval(refresh, 1000);
  document.addEventListener("visibilitychange", refresh);
  window.OctoTime = { agoWords, durationWords };
})();
