/** `negative-knowledge/report`: judged studies as a page, figures and files. It needs the packages that draw. */
export type { Judge } from '../claims/family.ts';
export { type PooledStudy, readStudy, type Study } from '../records/study.ts';
export { svgOf } from './figures/render.ts';
export { buildReport, type Report } from './report.ts';
export { reportFiles, writeReport } from './write.ts';
