package dev.headwater.heads;

import dev.headwater.schema.RejectedHeadException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A record key of the heads topic: {@code live/<task>}, {@code labels/<task>}, {@code
 * head/<task>/<version>/manifest} or {@code head/<task>/<version>/<chunk>}. A task name may contain
 * slashes, so keys are parsed from the right.
 *
 * @param version -1 for records of the task
 * @param chunk chunk number from 0; -1 for all other records
 */
record HeadKey(Kind kind, String task, long version, int chunk) {
  private static final Pattern LIVE = Pattern.compile("live/(.+)", Pattern.DOTALL);
  private static final Pattern LABELS = Pattern.compile("labels/(.+)", Pattern.DOTALL);
  private static final Pattern HEAD =
      Pattern.compile("head/(.+)/(\\d{1,18})/(manifest|\\d{1,9})", Pattern.DOTALL);

  enum Kind {
    LIVE,
    LABELS,
    MANIFEST,
    CHUNK
  }

  static HeadKey parse(@Nullable String key) throws RejectedHeadException {
    if (key == null) {
      throw new RejectedHeadException("A record without a key does not belong to a head.");
    }
    Matcher live = LIVE.matcher(key);
    if (live.matches()) {
      return new HeadKey(Kind.LIVE, live.group(1), -1, -1);
    }
    Matcher labels = LABELS.matcher(key);
    if (labels.matches()) {
      return new HeadKey(Kind.LABELS, labels.group(1), -1, -1);
    }
    Matcher head = HEAD.matcher(key);
    if (!head.matches()) {
      throw new RejectedHeadException("The record key '" + key + "' does not belong to a head.");
    }
    long version = Long.parseLong(head.group(2));
    return head.group(3).equals("manifest")
        ? new HeadKey(Kind.MANIFEST, head.group(1), version, -1)
        : new HeadKey(Kind.CHUNK, head.group(1), version, Integer.parseInt(head.group(3)));
  }

  static String live(String task) {
    return "live/" + task;
  }

  static String labels(String task) {
    return "labels/" + task;
  }

  static String manifest(String task, long version) {
    return "head/" + task + "/" + version + "/manifest";
  }

  static String chunk(String task, long version, int chunk) {
    return "head/" + task + "/" + version + "/" + chunk;
  }
}
