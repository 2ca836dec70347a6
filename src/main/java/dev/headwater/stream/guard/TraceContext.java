package dev.headwater.stream.guard;

import java.util.List;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;

/** Propagates W3C Trace Context headers from an input record to its outputs. */
public final class TraceContext {
  private static final List<String> NAMES = List.of("traceparent", "tracestate");

  private TraceContext() {}

  /** Returns only the trace headers. */
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
