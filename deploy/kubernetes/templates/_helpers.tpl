{{- define "omb.name" -}}
{{- printf "%s-omb" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "omb.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "omb.selector" . }}
{{- end }}

{{- define "omb.selector" -}}
app.kubernetes.io/name: omb
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "omb.image" -}}
image: {{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}

{{- define "omb.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "omb.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "omb.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: ["ALL"]
{{- end }}

{{- /* Requests are limits: the class Guaranteed. */ -}}
{{- define "omb.resources" -}}
requests:
  cpu: {{ .cpu | quote }}
  memory: {{ .memory | quote }}
limits:
  cpu: {{ .cpu | quote }}
  memory: {{ .memory | quote }}
{{- end }}

{{- define "omb.brokersElsewhere" -}}
labelSelector:
  matchLabels:
    {{- toYaml .Values.broker.podLabels | nindent 4 }}
{{- with .Values.broker.namespaces }}
namespaces:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologyKey: kubernetes.io/hostname
{{- end }}

{{- define "omb.workerHost" -}}
{{- $name := include "omb.name" .root -}}
{{ printf "%s-worker-%d.%s-workers.%s.svc" $name .index $name .root.Release.Namespace }}
{{- end }}

{{- define "omb.tokenSecret" -}}
{{ .Values.token.existingSecret | default (printf "%s-token" (include "omb.name" .)) }}
{{- end }}
