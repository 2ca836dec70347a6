package dev.headwater.schema;

import static java.nio.charset.StandardCharsets.UTF_8;

import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/** What a record is called: by its header, else by its value, else by where it was read. */
public final class RecordId {
  /** Header with a record's id. */
  public static final String HEADER = "headwater-record-id";

  private RecordId() {}

  /**
   * @param own the id found in the record's value, null where there is none
   */
  public static String of(Headers headers, @Nullable String own, Source source) {
    String named = header(headers);
    return named != null ? named : own != null ? own : source.recordId();
  }

  /** The id in the header, null where there is none. */
  public static @Nullable String header(Headers headers) {
    Header header = headers.lastHeader(HEADER);
    return header == null || header.value() == null || header.value().length == 0
        ? null
        : new String(header.value(), UTF_8);
  }
}
