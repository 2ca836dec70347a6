// Grafana's own types, put together into what a dashboard of deploy/grafana may be.
import type { AnnotationQuery, Dashboard, DataQuery, FieldConfigSource, Panel, RowPanel } from "@grafana/schema";
import type { Options as Stat } from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen.js";
import type { FieldConfig as LineFields, Options as Lines } from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen.js";
import type { FieldConfig as HeatFields, Options as Heat } from "@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen.js";

// enums as JSON writes them
type Json<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: Json<T[K]> } : T;

// Grafana fills in the options that are left out
type Some<T> = T extends unknown[] ? T : T extends object ? { [K in keyof T]?: Some<T[K]> } : T;

// the schema package has no type for what its Prometheus source is asked
interface Query extends DataQuery {
  expr: string;
  format?: "time_series" | "table" | "heatmap";
  instant?: boolean;
  legendFormat?: string;
}

type Of<Type, Options, Fields = {}> = Omit<Panel, "type" | "options" | "fieldConfig" | "targets"> & {
  type: Type;
  options: Some<Options>;
  fieldConfig: FieldConfigSource<Fields>;
  targets: Query[];
};

interface Headwater extends Omit<Dashboard, "panels" | "annotations"> {
  panels: (RowPanel | Of<"stat", Stat> | Of<"timeseries", Lines, LineFields> | Of<"heatmap", Heat, HeatFields>)[];
  annotations: { list: (AnnotationQuery<Query> & { titleFormat?: string })[] };
}

export const dashboard: Json<Headwater> =
