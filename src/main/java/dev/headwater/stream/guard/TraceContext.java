package dev.headwater.stream.guard;

import java.util.List;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;

/** W3C Trace Context: carried from what is read to all that is written because of it. */
public final class TraceContext {
  private static final List<String> NAMES = List.of("traceparent", "tracestate");

  private TraceContext() {}

  /** The trace headers among these, and no others. */
  public static Headers of(Headers headers) {
    Headers trace = new RecordHeaders();
    for (String name : NAMES) {
      Header header = headers.lastHeader(name);
      if (header != null) {
        trace.add(header);
      }
    }
    return trace;
  }
}
