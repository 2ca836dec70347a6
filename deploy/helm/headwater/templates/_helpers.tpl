{{/* Labels common to all pods of a release. */}}
{{- define "headwater.release" -}}
app.kubernetes.io/name: headwater
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "headwater.labels" -}}
{{ include "headwater.release" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "headwater.name" -}}
{{ printf "%s-%s" .root.Release.Name .component | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "headwater.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "headwater.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Pod spec common to scorers and trainer. */}}
{{- define "headwater.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .root.Values.terminationGracePeriodSeconds }}
securityContext: {{- include "headwater.podSecurity" . | nindent 2 }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.bundle.image }}
initContainers:
  - name: bundle
    image: {{ . }}
    command: [cp, -rL, {{ printf "%s/." $.root.Values.bundle.path | quote }}, /copied]
    securityContext: {{- include "headwater.containerSecurity" $ | nindent 6 }}
    volumeMounts:
      - {name: bundle, mountPath: /copied}
{{- end }}
containers:
  - name: {{ .component }}
    image: {{ .values.image }}
    securityContext: {{- include "headwater.containerSecurity" . | nindent 6 }}
    ports:
      - {name: http, containerPort: {{ .port }}}
    env:
      - name: POD_NAME
        valueFrom: {fieldRef: {fieldPath: metadata.name}}
      {{- with .values.env }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- with concat .root.Values.envFrom .values.envFrom }}
    envFrom: {{- toYaml . | nindent 6 }}
    {{- end }}
    resources:
      requests: {{- toYaml .values.resources.requests | nindent 8 }}
      limits:
        {{- toYaml .values.resources.limits | nindent 8 }}
        {{- with .values.gpus }}
        nvidia.com/gpu: {{ . }}
        {{- end }}
    startupProbe:
      httpGet: {path: /health/live, port: http}
      periodSeconds: 5
      failureThreshold: 60
    livenessProbe:
      httpGet: {path: /health/live, port: http}
      periodSeconds: 10
      timeoutSeconds: 3
      failureThreshold: 6
    readinessProbe:
      httpGet: {path: /health/ready, port: http}
      periodSeconds: 5
      timeoutSeconds: 3
    volumeMounts:
      - {name: config, mountPath: /etc/headwater, readOnly: true}
      - {name: bundle, mountPath: /bundle, readOnly: true}
      - {name: state, mountPath: /var/lib/headwater}
      - {name: tmp, mountPath: /tmp}
      {{- with concat .root.Values.extraVolumeMounts .values.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
volumes:
  - name: config
    configMap: {name: {{ .root.Release.Name }}-config}
  - name: bundle
    {{- if .root.Values.bundle.image }}
    emptyDir: {}
    {{- else }}
    {{- required "set bundle.image or bundle.volume to the source of the model" .root.Values.bundle.volume | toYaml | nindent 4 }}
    {{- end }}
  - name: tmp
    emptyDir: {sizeLimit: {{ .root.Values.scratch }}}
  {{- with concat .root.Values.extraVolumes .values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
