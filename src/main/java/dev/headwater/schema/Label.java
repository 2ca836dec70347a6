package dev.headwater.schema;

import com.fasterxml.jackson.annotation.JsonInclude;

/** The truth about one record for one task; a later one for the same record corrects it. */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Label(String recordId, String task, String label) {}
