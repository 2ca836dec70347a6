package dev.headwater.schema;

import static java.nio.charset.StandardCharsets.UTF_8;

import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/** The id of a record: from its header, else from its value, else from its source offset. */
public final class RecordId {
  /** Header that carries the record id. */
  public static final String HEADER = "headwater-record-id";

  private RecordId() {}

  /**
   * Returns the id of a record.
   *
   * @param own the id found in the record's value, null if there is none
   */
  public static String of(Headers headers, @Nullable String own, Source source) {
    String named = header(headers);
    return named != null ? named : own != null ? own : source.recordId();
  }

  /** Returns the id in the header, null if there is none. */
  public static @Nullable String header(Headers headers) {
    Header header = headers.lastHeader(HEADER);
    return header == null || header.value() == null || header.value().length == 0
        ? null
        : new String(header.value(), UTF_8);
  }
}
