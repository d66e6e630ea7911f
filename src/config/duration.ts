export { DURATION_PATTERN, formatDuration, parseDuration } from '../model/duration.ts';
