package dev.headwater.heads;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Verdict;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The metadata of a head version and the checksum of its bytes.
 *
 * @param chunks number of records that the bytes are split into; 0 if the version has no tensors,
 *     because it was rejected or retired
 * @param bytes total size of the chunks
 * @param sha256 SHA-256 of the bytes in hexadecimal; null without tensors
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record Manifest(int chunks, long bytes, @Nullable String sha256, HeadInfo info) {

  Manifest {
    Objects.requireNonNull(info, "info");
    if (chunks < 0 || bytes < chunks || (chunks > 0) != (sha256 != null)) {
      throw new IllegalArgumentException(
          "invalid manifest: " + chunks + " chunks, " + bytes + " bytes, SHA-256 " + sha256);
    }
  }

  /** Returns the same manifest with a later verdict. */
  Manifest judged(Verdict verdict) {
    return new Manifest(chunks, bytes, sha256, info.judged(verdict));
  }

  /** Creates the manifest of a version without tensors. */
  static Manifest withoutTensors(HeadInfo info) {
    return new Manifest(0, 0, null, info);
  }
}
